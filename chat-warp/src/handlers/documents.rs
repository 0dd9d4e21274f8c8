//! What there is, for programs to read.

use crate::api::Api;
use crate::request::Request;
use crate::respond::typed;
use crate::routes::Answer;
use http::StatusCode;
use http::header::{self, HeaderValue};

pub(crate) async fn openapi(api: &Api, _: Request) -> Answer {
    Ok(document("application/json", &api.documents().openapi))
}

pub(crate) async fn openapi_yaml(api: &Api, _: Request) -> Answer {
    Ok(document("application/yaml", &api.documents().openapi_yaml))
}

pub(crate) async fn asyncapi(api: &Api, _: Request) -> Answer {
    Ok(document("application/yaml", &api.documents().asyncapi))
}

fn document(content_type: &'static str, text: &str) -> warp::reply::Response {
    let mut response = typed(StatusCode::OK, HeaderValue::from_static(content_type), text.into());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
