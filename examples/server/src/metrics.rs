//! `GET /metrics`, in the text format of Prometheus. The rule: strangers never see it. Without a token it is for whoever asks
//! on this machine, by an address of this machine and through no proxy; with one, for whoever shows it. To all others there
//! is no such route.

use crate::Outcome;
use crate::server::Peer;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use chat_core::{Chat, metrics};
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// The version of the program, as the label of a gauge that is always one.
const BUILD_INFO: &str = "chat_build_info";
/// From a commit without a disk to what nobody waits for.
const SECONDS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From one change up to as many as a batch may hold.
const CHANGES: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];
/// How often what was measured is put into its buckets, so that it takes no room of its own when nobody asks.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// What a proxy adds to a request that it passes on.
const FORWARDED: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
/// The text format of Prometheus.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What was measured since the start.
#[derive(Clone)]
pub(crate) struct Metrics {
    recorded: PrometheusHandle,
    process: Arc<Collector>,
}

/// Begins to measure, before there is anything to be measured.
pub(crate) fn start() -> Outcome<Metrics> {
    let failed = |error| format!("nothing can be measured: {error}");
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS).map_err(failed)?;
    let builder = builder.set_buckets_for_metric(Matcher::Suffix("_changes".into()), &CHANGES).map_err(failed)?;
    let recorded = builder.install_recorder().map_err(failed)?;
    metrics::describe();
    ::metrics::describe_gauge!(BUILD_INFO, "The version of the program.");
    ::metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
    let process = Arc::new(Collector::default());
    process.describe();
    Ok(Metrics { recorded, process })
}

impl Metrics {
    /// Keeps what is measured small until the process ends.
    pub(crate) async fn keep_up(self) {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.recorded.run_upkeep();
        }
    }

    /// The page; whatever is not a request for it by someone who may see it is rejected.
    pub(crate) fn page(self, chat: Chat, token: Option<String>) -> BoxedFilter<(Response,)> {
        let asked = warp::path!("metrics").and(warp::method()).and(warp::header::headers_cloned());
        asked
            .and(warp::ext::optional())
            .and_then(move |method: Method, headers: HeaderMap, peer: Option<Peer>| {
                let is_meant = matches!(method, Method::GET | Method::HEAD);
                let may_see = is_meant && may_see(token.as_deref(), peer, &headers);
                let (metrics, chat) = (self.clone(), chat.clone());
                async move { if may_see { Ok(metrics.answer(chat).await) } else { Err(warp::reject::not_found()) } }
            })
            .boxed()
    }

    /// Counting open files takes a while if there are many.
    async fn answer(self, chat: Chat) -> Response {
        let read = tokio::task::spawn_blocking(move || {
            chat.measure();
            self.process.collect();
            self.recorded.render()
        });
        let mut response = Response::new(read.await.unwrap_or_default().into());
        response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn may_see(token: Option<&str>, peer: Option<Peer>, headers: &HeaderMap) -> bool {
    match token {
        Some(token) => bearer(headers).is_some_and(|shown| verify_slices_are_equal(shown, token.as_bytes()).is_ok()),
        None => {
            let is_passed_on = FORWARDED.iter().any(|name| headers.contains_key(HeaderName::from_static(name)));
            peer.is_some_and(|Peer(address)| is_here(address.ip())) && !is_passed_on && names_here(headers)
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")
}

/// Whether the request asks for this machine by a name that is good on it alone: a page in a browser cannot, even if its own
/// name leads here.
fn names_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let host = host.host().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_here)
    })
}

fn is_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a token of sixteen bytes or more";

    fn sees(token: Option<&str>, peer: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        may_see(token, Some(Peer(peer.parse().unwrap())), &headers.collect())
    }

    #[test]
    fn without_a_token_it_is_for_this_machine() {
        for (peer, host) in [
            ("127.0.0.1:5000", "127.0.0.1:8000"),
            ("127.0.0.1:5000", "localhost"),
            ("[::1]:5000", "[::1]:8000"),
            ("[::ffff:127.0.0.1]:5000", "LOCALHOST:8000"),
        ] {
            assert!(sees(None, peer, &[("host", host)]), "{peer} {host}");
        }
        for peer in ["192.0.2.1:5000", "[2001:db8::1]:5000", "10.0.0.1:5000"] {
            assert!(!sees(None, peer, &[("host", "127.0.0.1:8000")]), "{peer}");
        }
        assert!(!may_see(None, None, &HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))])));
    }

    #[test]
    fn a_proxy_on_this_machine_and_a_page_that_leads_here_see_nothing() {
        for name in FORWARDED {
            assert!(!sees(None, "127.0.0.1:5000", &[("host", "localhost"), (name, "192.0.2.1")]), "{name}");
        }
        for host in ["chat.example.org", "localhost.example.org", "192.0.2.1", ""] {
            assert!(!sees(None, "127.0.0.1:5000", &[("host", host)]), "{host}");
        }
        assert!(!sees(None, "127.0.0.1:5000", &[]));
    }

    #[test]
    fn with_a_token_it_is_for_whoever_shows_it() {
        let shown = ("authorization", "Bearer a token of sixteen bytes or more");
        assert!(sees(Some(TOKEN), "192.0.2.1:5000", &[("host", "chat.example.org"), shown]));
        for wrong in ["Bearer another", "Bearer ", "Basic a token of sixteen bytes or more"] {
            assert!(
                !sees(Some(TOKEN), "127.0.0.1:5000", &[("host", "localhost"), ("authorization", wrong)]),
                "{wrong}"
            );
        }
        assert!(!sees(Some(TOKEN), "127.0.0.1:5000", &[("host", "localhost")]));
    }
}
