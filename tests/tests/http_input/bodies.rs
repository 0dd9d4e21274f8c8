//! Bodies that are no JSON object, or too large.

use crate::routes::{POST, ROUTES, refuses};
use crate::scene::Scene;
use chat_core::limits::BODY_BYTES_MAX;
use chat_tests::{Answer, end_to_end};
use serde_json::json;

end_to_end! {
    async fn a_body_that_is_no_json_object_is_malformed(server: Server) {
        let scene = Scene::new(&server).await;
        let before = scene.state().await;
        let deep = |open: &str, close: &str| format!("{{\"name\":{}{}}}", open.repeat(100_000), close.repeat(100_000));
        let bodies: Vec<Vec<u8>> = vec![
            b"{".into(),
            b"}".into(),
            b"null".into(),
            b"true".into(),
            b"5".into(),
            b"\"text\"".into(),
            b"[]".into(),
            b"[{}]".into(),
            b"{} {}".into(),
            b"{\"name\":\"a\",}".into(),
            b"{'name':'a'}".into(),
            b"{name:\"a\"}".into(),
            b"{\"name\":\"a\"".into(),
            b"{\"name\":01}".into(),
            b"{\"name\":1e400}".into(),
            b"{\"name\":-1e400}".into(),
            b"{\"name\":NaN}".into(),
            b"{\"name\":\"\\ud800\"}".into(),
            b"{\"name\":\"\\u00\"}".into(),
            b"{\"name\":\"raw\nnewline\"}".into(),
            b"{\"name\":\"\xff\"}".into(),
            b"{\"name\":\"\xc0\xaf\"}".into(),
            b"{\"name\":\"\xed\xa0\x80\"}".into(),
            b"\xff\xfe{\x00}\x00".into(),
            b"\x00".into(),
            b"name=a&content=b".into(),
            deep("[", "]").into(),
            deep("{\"a\":", "}").into(),
            "[".repeat(100_000).into(),
        ];
        for route in ROUTES {
            for body in &bodies {
                refuses(route, &scene.ask(route, body.clone()).await, 400, "malformed");
            }
        }
        assert_eq!(scene.state().await, before);
    }

    async fn a_body_of_one_byte_too_many_is_too_large_however_it_is_sent(server: Server) {
        let scene = Scene::new(&server).await;
        let before = scene.state().await;
        for route in ROUTES {
            let mut body = scene.body(route, &[]).to_string().into_bytes();
            body.resize(BODY_BYTES_MAX + 1, b' ');
            refuses(route, &scene.ask(route, body).await, 413, "too_large");
        }
        assert_eq!(scene.state().await, before);
    }

    async fn a_chunked_body_is_bounded_like_any_other(server: Server) {
        let scene = Scene::new(&server).await;
        for (bytes, status) in [(BODY_BYTES_MAX, "201"), (BODY_BYTES_MAX + 1, "413")] {
            let mut body = json!({ "content": "in chunks" }).to_string();
            body.push_str(&" ".repeat(bytes - body.len()));
            let mut request = format!(
                "POST /conversations/{}/messages HTTP/1.1\r\nhost: chat\r\nauthorization: Bearer {}\r\n\
                 connection: close\r\ntransfer-encoding: chunked\r\n\r\n",
                scene.group, scene.ann.token,
            );
            for chunk in body.as_bytes().chunks(60_000) {
                request.push_str(&format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
            }
            request.push_str("0\r\n\r\n");
            let response = server.raw(request.as_bytes()).await;
            assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        }
        let messages = scene.ann.get(&scene.path("/conversations/{g}/messages")).await.expect(200);
        assert_eq!(messages["messages"].as_array().unwrap().len(), 2);
    }

    async fn a_body_of_just_the_greatest_length_is_read(server: Server) {
        let scene = Scene::new(&server).await;
        let mut body = json!({ "content": "padded" }).to_string().into_bytes();
        body.resize(BODY_BYTES_MAX, b' ');
        let request = scene.ann.request(POST, &scene.path("/conversations/{g}/messages")).body(body);
        assert_eq!(Answer::to(request).await.expect(201)["content"], "padded");
    }
}
