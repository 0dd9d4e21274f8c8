//! The web client and Swagger UI, served from the binary. The rule: they take their pages and what stands below `/web/` and
//! `/schema/swagger-ui/`, which the API never names; everything else is the API's to answer.

mod client;
mod site;
mod swagger;

pub(crate) use client::Pictures;

use http::Method;
use http::header::{HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY};
use std::sync::Arc;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;

/// The web client and Swagger UI; whatever is not of them is rejected.
pub(crate) fn pages(pictures: Pictures) -> BoxedFilter<(Response,)> {
    let sites = Arc::new([client::site(pictures), swagger::site()]);
    let asked = warp::method().and(warp::path::full()).and(warp::header::headers_cloned());
    asked
        .and_then(move |method: Method, path: FullPath, headers: HeaderMap| {
            let answer = sites.iter().find_map(|site| site.answer(&method, path.as_str(), &headers));
            async { answer.ok_or_else(warp::reject::not_found) }
        })
        .boxed()
}

/// Has browsers keep to TLS for a year (RFC 6797). They heed it only where it comes over TLS.
pub(crate) fn only_over_tls(routes: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    routes
        .map(|mut response: Response| {
            let year = HeaderValue::from_static("max-age=31536000");
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, year);
            response
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::client::{Files, WORKER};
    use super::site::PAGE;
    use super::*;
    use bytes::Bytes;
    use http::StatusCode;

    async fn get(path: &str, headers: &[(&str, &str)]) -> warp::http::Response<Bytes> {
        let request = headers
            .iter()
            .fold(warp::test::request().path(path), |request, (name, value)| request.header(*name, *value));
        request.reply(&pages(Pictures::Own)).await
    }

    fn header<'a>(response: &'a warp::http::Response<Bytes>, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The address of a file, as the page names it.
    async fn named(file: &str) -> String {
        let page = get("/", &[]).await;
        let page = std::str::from_utf8(page.body()).unwrap();
        let end = page.find(file).unwrap() + file.len();
        let start = page[..end].rfind('"').unwrap() + 1;
        format!("/{}", &page[start..end])
    }

    #[tokio::test]
    async fn the_page_comes_with_its_policy_and_is_checked_each_time() {
        let page = get("/", &[]).await;
        assert_eq!((page.status(), header(&page, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
        assert!(header(&page, "content-security-policy").starts_with("default-src 'self';"));
        assert_eq!(header(&page, "cache-control"), "no-cache");
        let again = get("/", &[("if-none-match", header(&page, "etag"))]).await;
        assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
    }

    #[tokio::test]
    async fn pictures_come_from_this_server_alone_unless_its_operator_allows_others() {
        for (pictures, sources, mark) in [
            (Pictures::Own, "img-src 'self' data: blob:;", "data-pictures=\"own\""),
            (Pictures::Remote, "img-src 'self' data: blob: https: http:;", "data-pictures=\"remote\""),
        ] {
            let page = warp::test::request().reply(&pages(pictures)).await;
            let policy = header(&page, "content-security-policy");
            assert!(policy.contains(sources) && std::str::from_utf8(page.body()).unwrap().contains(mark), "{policy}");
        }
    }

    #[tokio::test]
    async fn the_worker_knows_its_edition_and_all_files_of_it() {
        let worker = get("/web/worker.js", &[]).await;
        assert_eq!((header(&worker, "cache-control"), header(&worker, "service-worker-allowed")), ("no-cache", "../"));
        let main = named("app/main.js").await;
        let edition = main.split('/').nth(2).unwrap();
        let text = std::str::from_utf8(worker.body()).unwrap();
        assert!(text.contains(&format!("\"{edition}\"")) && !text.contains("{files}"), "{text}");
        for file in Files::iter().filter(|file| file != PAGE && file != WORKER) {
            assert!(text.contains(&*file), "{file}");
        }
        let other = warp::test::request().path("/web/worker.js").reply(&pages(Pictures::Remote)).await;
        assert_ne!(worker.body(), other.body());
    }

    #[tokio::test]
    async fn a_file_of_this_edition_is_kept_for_good_and_any_other_is_checked() {
        let current = get(&named("app/main.js").await, &[]).await;
        assert_eq!(header(&current, "cache-control"), "public, max-age=31536000, immutable");
        for path in ["/web/app/main.js", "/web/0123456789abcdef/app/main.js"] {
            let other = get(path, &[]).await;
            assert_eq!((header(&other, "cache-control"), other.body()), ("no-cache", current.body()));
        }
    }

    #[tokio::test]
    async fn who_takes_gzip_gets_it() {
        let plain = get("/", &[("accept-encoding", "br, gzip;q=0")]).await;
        let packed = get("/", &[("accept-encoding", "br, gzip;q=0.5")]).await;
        assert_eq!((header(&plain, "content-encoding"), header(&packed, "content-encoding")), ("", "gzip"));
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body()[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked.as_bytes(), plain.body());
    }

    #[tokio::test]
    async fn swagger_ui_comes_with_its_policy_and_all_its_files() {
        for path in ["/schema/swagger-ui", "/schema/swagger-ui/"] {
            let page = get(path, &[]).await;
            assert_eq!((page.status(), header(&page, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
            assert!(header(&page, "content-security-policy").starts_with("default-src 'self';"));
            let text = std::str::from_utf8(page.body()).unwrap();
            let files: Vec<_> = text.split('"').filter(|name| name.starts_with("/schema/swagger-ui/")).collect();
            assert_eq!(files.len(), 3);
            for file in files {
                let file = get(file, &[]).await;
                assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable");
                assert!(!file.body().is_empty() && !header(&file, "etag").is_empty());
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_of_the_client_is_left_to_the_api() {
        for path in ["/web/", "/web/nothing.js", "/users", "/web/../Cargo.toml", "/schema"] {
            assert_eq!(get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let posted = warp::test::request().method("POST").reply(&pages(Pictures::Own)).await;
        assert_eq!(posted.status(), StatusCode::NOT_FOUND);
    }
}
