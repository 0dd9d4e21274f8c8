//! Any requests to the routes, one after the other: a method and a target on a line, then the body, up to a line with `%%`.

#![no_main]

use chat_fuzz::{Scene, check, run};
use http::header::CONTENT_TYPE;
use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;

async fn ask(scene: &Scene, request: &[u8]) {
    let line = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
    let (line, body) = (&request[..line], request.get(line + 1..).unwrap_or_default());
    let Some((method, target)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')) else { return };
    let Ok(method) = method.parse::<Method>() else { return };
    if !target.starts_with('/') || target.parse::<Uri>().is_err() {
        return;
    }
    let request = warp::test::request().method(method.as_str()).path(target);
    let request = request.header("authorization", format!("Bearer {}", scene.token)).body(body);
    let response = request.reply(&scene.routes).await;
    let content_type = response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
    check(response.status().as_u16(), content_type, response.body());
}

fuzz_target!(|input: &[u8]| {
    run(async {
        let scene = Scene::new().await;
        let mut rest = scene.filled(input);
        loop {
            let end = rest.windows(4).position(|bytes| bytes == b"\n%%\n");
            ask(&scene, &rest[..end.unwrap_or(rest.len())]).await;
            let Some(end) = end else { break };
            rest.drain(..end + 4);
        }
    });
});
