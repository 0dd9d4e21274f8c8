//! The accept loop. The rule: stopping loses nothing; requests under way are answered, sessions are told to come back,
//! mails leave, and what was sent is stored, before the process ends.

mod admission;

pub(crate) use admission::Admission;

use crate::drain::Drain;
use crate::tls::Tls;
use crate::{Outcome, supervisor};
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
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use warp::Filter;
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
    tls: Option<Arc<Tls>>,
    drain: Drain,
    stopping: watch::Sender<bool>,
    signals: Signals,
}

/// How long each part of stopping may take.
pub(crate) struct Stop {
    /// How long to serve on, but not ready.
    pub(crate) drain: Duration,
    /// What is open gets to end.
    pub(crate) patience: Duration,
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
        let (drain, tls) = (Drain::default(), None);
        let routes = drain.refusal().or(routes).unify().boxed();
        let admission = Arc::new(admission);
        Self { chat, mails, routes, connections_max, admission, requests, tls, drain, stopping, signals }
    }

    /// The same server, spoken to by TLS if there is a certificate.
    pub(crate) fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// Serves until the process is told to stop, then ends what is open; told again, it waits no longer.
    pub(crate) async fn run(mut self, listener: TcpListener, stop: &Stop) {
        let mut signals = std::mem::take(&mut self.signals);
        tokio::select! {
            () = self.accept(&listener) => {}
            signal = signals.next() => tracing::info!(signal, "stopping"),
        }
        supervisor::stopping();
        tokio::select! {
            () = self.finish(listener, stop) => {}
            signal = signals.next() => tracing::warn!(signal, "stopping at once"),
        }
        self.stopping.send_replace(true);
        self.chat.stop(Duration::ZERO).await;
    }

    /// Lets new clients go elsewhere, ends what is open, then sends the mails that came of it.
    async fn finish(&self, listener: TcpListener, stop: &Stop) {
        self.drain.begin();
        if !stop.drain.is_zero() {
            tracing::info!(seconds = stop.drain.as_secs(), "serving on, but not ready");
            // An error means that the time is over.
            let _ = tokio::time::timeout(stop.drain, self.accept(&listener)).await;
        }
        drop(listener);
        tracing::info!("closing what is open");
        self.stopping.send_replace(true);
        tokio::join!(self.finish_requests(stop.patience), self.chat.end_sessions(stop.patience));
        tracing::info!(mails = self.mails.waiting(), "sending the last mails");
        self.mails.stop(stop.patience).await;
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
            return self.refuse(stream, CROWDED);
        };
        let in_requests = self.connections_max - self.requests.available_permits();
        let is_full = in_requests + self.chat.sessions_open() >= self.connections_max;
        match Arc::clone(&self.requests).try_acquire_owned() {
            Ok(permit) if !is_full => {
                let client = Client { peer, place, admission: Arc::clone(&self.admission) };
                let (tls, stopping) = (self.tls.clone(), self.stopping.subscribe());
                tokio::spawn(connect(stream, client, tls, self.routes.clone(), stopping, permit));
            }
            _ => self.refuse(stream, FULL),
        }
    }

    /// Says why there is no room. By TLS the door is closed without a word: the handshake before one is what an attacker is after.
    fn refuse(&self, stream: TcpStream, refusal: Refusal) {
        if self.tls.is_none() {
            tokio::spawn(turn_away(stream, refusal));
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

/// Serves one connection, with TLS or without. The accept loop waits for no handshake.
async fn connect(
    stream: TcpStream,
    client: Client,
    tls: Option<Arc<Tls>>,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    let Some(tls) = tls else { return serve(stream, client, routes, stopping).await };
    let encrypted = tokio::select! {
        encrypted = tls.accept(stream) => encrypted,
        () = told_to_stop(&mut stopping) => None,
    };
    drop(tls);
    if let Some(stream) = encrypted {
        serve(stream, client, routes, stopping).await;
    }
}

/// Serves until the connection ends, or until the request under way when the server stops is answered.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Client,
    routes: BoxedFilter<(Response,)>,
    mut stopping: watch::Receiver<bool>,
) {
    let Client { peer, place, admission } = client;
    let (head_wait, write_wait) = (admission.head_wait(), admission.write_wait());
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
    let stream = TokioIo::new(Placed::new(stream, write_wait, place));
    let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
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
pub(crate) struct Signals(Option<(Signal, Signal)>);

impl Signals {
    pub(crate) fn listen() -> Self {
        let signals = signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)));
        if let Err(error) = &signals {
            tracing::warn!(%error, "cannot listen for signals");
        }
        Self(signals.ok())
    }

    /// Waits for SIGINT or SIGTERM and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    }
}
