//! The accept loop. The rule: stopping loses nothing; requests under way are answered, sessions are told to come back,
//! mails leave, and what was sent is stored, before the process ends.

mod admission;

pub(crate) use admission::Admission;

use crate::Outcome;
use admission::{Place, Placed};
use chat_core::{Chat, MailQueue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// How long someone who is turned away may take to hear why.
const REFUSAL_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a request's head, as many as common proxies let through: thousands who send theirs slowly hold this much each.
const HEAD_BYTES_MAX: usize = 32 * 1_024;
/// Bytes that the kernel may keep of what a connection has not begun to take: by itself it keeps megabytes, and a client that
/// lags would hear of it only once it has read them all.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 * 1_024;
/// How long to wait before accepting again when the system has no socket to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes the address, or says in a sentence why not.
pub(crate) async fn listen(addr: SocketAddr) -> Outcome<(TcpListener, SocketAddr)> {
    let failed = |error| format!("cannot listen on {addr}: {error}");
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    prepare(&listener).map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

/// Sets what every accepted connection inherits.
fn prepare(listener: &TcpListener) -> io::Result<()> {
    let socket = SockRef::from(listener);
    // Small frames must not wait for more to come.
    socket.set_tcp_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    Ok(())
}

/// Who is at the other end of a request's connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

pub(crate) struct Server {
    chat: Chat,
    mails: MailQueue,
    routes: BoxedFilter<(Response,)>,
    connections_max: usize,
    admission: Arc<Admission>,
    requests: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    signals: Signals,
}

impl Server {
    /// A server that can be told to stop from here on.
    pub(crate) fn new(
        chat: Chat,
        mails: MailQueue,
        routes: BoxedFilter<(Response,)>,
        connections_max: usize,
        admission: Admission,
    ) -> Self {
        let requests = Arc::new(Semaphore::new(connections_max));
        let (stopping, signals) = (watch::Sender::new(false), Signals::listen());
        Self { chat, mails, routes, connections_max, admission: Arc::new(admission), requests, stopping, signals }
    }

    /// Serves until the process is told to stop, then gives what is open `patience` to end; told again, it waits no longer.
    pub(crate) async fn run(mut self, listener: TcpListener, patience: Duration) {
        let mut signals = std::mem::take(&mut self.signals);
        tokio::select! {
            () = self.accept(&listener) => {}
            signal = signals.next() => tracing::info!(signal, "stopping"),
        }
        drop(listener);
        self.stopping.send_replace(true);
        tokio::select! {
            () = self.finish(patience) => {}
            signal = signals.next() => tracing::warn!(signal, "stopping at once"),
        }
        self.chat.stop(Duration::ZERO).await;
    }

    /// Ends what is open, then sends the mails that came of it.
    async fn finish(&self, patience: Duration) {
        tokio::join!(self.finish_requests(patience), self.chat.end_sessions(patience));
        self.mails.stop(patience).await;
    }

    async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection if there is room for it. Connections that became sessions count as well.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.admission.enter(peer) else {
            tokio::spawn(turn_away(stream, CROWDED));
            return;
        };
        let in_requests = self.connections_max - self.requests.available_permits();
        let is_full = in_requests + self.chat.sessions_open() >= self.connections_max;
        match Arc::clone(&self.requests).try_acquire_owned() {
            Ok(permit) if !is_full => {
                let client = Client { peer, place, admission: Arc::clone(&self.admission) };
                tokio::spawn(serve(stream, client, self.routes.clone(), self.stopping.subscribe(), permit));
            }
            _ => {
                tokio::spawn(turn_away(stream, FULL));
            }
        }
    }

    async fn finish_requests(&self, patience: Duration) {
        let all = u32::try_from(self.connections_max).unwrap_or(u32::MAX);
        if tokio::time::timeout(patience, self.requests.acquire_many(all)).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
    }
}

/// Who has opened a connection.
struct Client {
    peer: SocketAddr,
    place: Place,
    admission: Arc<Admission>,
}

/// Serves one connection until it ends, or until the request under way when the server stops is answered.
async fn serve(
    stream: TcpStream,
    client: Client,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    let Client { peer, place, admission } = client;
    let head_wait = admission.head_wait();
    let routes = TowerToHyperService::new(warp::service(routes));
    let service = service_fn(move |mut request: Request<Incoming>| {
        // A target without a path (RFC 9112, section 3.2.3) leads nowhere, and warp panics at it.
        if request.uri().path_and_query().is_none() {
            *request.uri_mut() = Uri::from_static("*");
        }
        admission.tell(peer, &mut request);
        request.extensions_mut().insert(Peer(peer));
        routes.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_wait).max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Placed::new(stream, place)), service).with_upgrades());
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = told_to_stop(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone already.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Why a connection is turned away: status line and problem.
type Refusal = (&'static str, &'static str);

const FULL: Refusal = (
    "503 Service Unavailable",
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the server is full, try again later","code":"unavailable"}"#,
);
const CROWDED: Refusal = (
    "429 Too Many Requests",
    r#"{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many connections from this address","code":"rate_limited"}"#,
);

async fn turn_away(mut stream: TcpStream, (status, problem): Refusal) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nRetry-After: 10\r\nContent-Type: application/problem+json\r\n\
        Content-Length: {}\r\nConnection: close\r\n\r\n{problem}",
        problem.len()
    );
    let _ = tokio::time::timeout(REFUSAL_WAIT, stream.write_all(answer.as_bytes())).await;
}

/// The signals that stop the process.
#[derive(Default)]
struct Signals(Option<(Signal, Signal)>);

impl Signals {
    fn listen() -> Self {
        let signals = signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)));
        if let Err(error) = &signals {
            tracing::warn!(%error, "cannot listen for signals");
        }
        Self(signals.ok())
    }

    /// Waits for SIGINT or SIGTERM and names it.
    async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    }
}
