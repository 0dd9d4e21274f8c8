//! The sockets: a loop that carries frames between one WebSocket (RFC 6455) and one [`Session`].
//!
//! The rule: every wait for the client has an end, so a socket whose client has gone away or does not read ends with its
//! session.

mod direct;
mod frames;
mod handshake;
mod wire;

use crate::api::Api;
use crate::limits::{CLOSE_BYTES_MAX, CLOSE_WAIT};
use crate::request::Request;
use crate::routes::Answer;
use bytes::Bytes;
use chat_core::{CloseReason, Error, Identity, Incoming, Outgoing, Session, UserId};
use direct::Direct;
use frames::{Opcode, Received, Violation, close_payload};
use handshake::Handshake;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tokio::time::timeout;
use wire::Unreadable;

type Wire = wire::Wire<TokioIo<Upgraded>>;

/// Why a socket carries no more requests.
enum End {
    /// The session has ended.
    Closing(CloseReason),
    /// The client breaks the protocol.
    Broken(Violation),
    /// The client has closed its side, with this code.
    Left(Bytes),
    /// Nobody is there any more.
    Lost,
}

/// Opens a session and lets the connection become its socket.
pub(crate) async fn open(api: &Api, request: Request) -> Answer {
    upgrade(api, request, async |_, _| Ok(None)).await
}

/// Lets the connection become the socket of a conversation with one other user.
pub(crate) async fn open_direct(api: &Api, request: Request) -> Answer {
    let other: Result<UserId, _> = request.named("user_id");
    upgrade(api, request, async |identity, session| {
        Ok(Some(Direct::begin(&api.chat, identity, session, other?).await?))
    })
    .await
}

async fn upgrade(
    api: &Api,
    mut request: Request,
    begin: impl AsyncFnOnce(&Identity, &mut Session) -> Result<Option<Direct>, Error>,
) -> Answer {
    api.origins.check(&request)?;
    api.addresses.spend(&request, |left| &left.sockets)?;
    let identity = api.identify_socket(&request).await?;
    let handshake = match Handshake::read(&mut request) {
        Ok(handshake) => handshake,
        Err(problem) => return Ok(problem.into_response()),
    };
    // Before the answer, so that nothing that happens after it is missed.
    let mut session = api.chat.open_session(identity).await?;
    let direct = begin(&identity, &mut session).await?;
    tokio::spawn(serve(handshake.upgrade, session, direct));
    Ok(handshake.response)
}

async fn serve(upgrade: OnUpgrade, mut session: Session, mut direct: Option<Direct>) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut wire = Wire::new(TokioIo::new(upgraded));
    if direct.is_none() {
        session.write_directly(wire.connection());
    }
    let Err(end) = converse(&mut session, &mut wire, &mut direct).await;
    // Boxed, so that an open socket does not carry the room that closing it takes.
    let _ = timeout(CLOSE_WAIT, Box::pin(close(wire, session, direct, end))).await;
}

async fn converse(session: &mut Session, wire: &mut Wire, direct: &mut Option<Direct>) -> Result<Infallible, End> {
    loop {
        if let Some(direct) = direct {
            if direct.is_lost() {
                return Err(End::Closing(CloseReason::GoingAway));
            }
            direct.catch_up(session);
        }
        tokio::select! {
            received = wire.read(), if session.is_ready() => receive(session, wire, direct.as_ref(), received?).await?,
            outgoing = session.next() => tell(session, wire, direct, outgoing).await?,
        }
    }
}

/// Does what a session says.
async fn tell(
    session: &mut Session,
    wire: &mut Wire,
    direct: &mut Option<Direct>,
    outgoing: Outgoing,
) -> Result<(), End> {
    match outgoing {
        Outgoing::Frames(frames) => {
            let frames = match direct {
                Some(direct) => direct.translate(&frames),
                None => frames,
            };
            taken(session, wire.write(&frames)).await
        }
        Outgoing::Ping => taken(session, wire.write_control(Opcode::Ping, Bytes::new())).await,
        Outgoing::Ready => Ok(()),
        Outgoing::Close(reason) => Err(End::Closing(reason)),
    }
}

/// Does what the client asked for before it left, whether or not it still listens.
async fn finish(session: &mut Session, wire: &mut Wire, direct: &mut Option<Direct>) {
    while !session.is_idle() {
        let outgoing = session.next().await;
        if let Err(End::Closing(_)) = tell(session, wire, direct, outgoing).await {
            return;
        }
    }
}

async fn receive(
    session: &mut Session,
    wire: &mut Wire,
    direct: Option<&Direct>,
    received: Received,
) -> Result<(), End> {
    let incoming = match received {
        Received::Text(text) => match direct.map_or_else(|| Ok(text.clone()), |direct| direct.request(&text)) {
            Ok(text) => Incoming::Text(text),
            Err(refusal) => return taken(session, wire.write(&[refusal])).await,
        },
        Received::Binary => Incoming::Binary,
        Received::Pong => Incoming::Pong,
        Received::Ping(payload) => {
            // Written before more is read, so that pongs cannot pile up.
            taken(session, wire.write_control(Opcode::Pong, payload)).await?;
            Incoming::Pong
        }
        Received::Close(code) => return Err(End::Left(code)),
    };
    session.receive(incoming);
    Ok(())
}

/// Waits for the client to take what is written, but not for ever.
async fn taken(session: &mut Session, writing: impl Future<Output = io::Result<()>>) -> Result<(), End> {
    tokio::select! {
        written = writing => written.map_err(|_| End::Lost),
        () = session.write_overdue() => Err(End::Lost),
    }
}

/// Says why, lets the client close its side, and gives the connection back.
async fn close(mut wire: Wire, mut session: Session, mut direct: Option<Direct>, end: End) {
    if !matches!(end, End::Closing(_)) {
        finish(&mut session, &mut wire, &mut direct).await;
    }
    let (payload, is_answered) = match end {
        End::Closing(reason) => (close_payload((reason.code(), reason.sentence())), true),
        End::Broken(violation) => (close_payload(violation.reason()), false),
        End::Left(code) => (code, false),
        End::Lost => return,
    };
    let written = wire.write_control(Opcode::Close, payload).await;
    // An engine that stops waits for its sessions, and so for the last words of each.
    drop(session);
    if written.is_err() {
        return;
    }
    while is_answered && matches!(wire.read().await, Ok(received) if !matches!(received, Received::Close(_))) {}
    // A connection that is dropped while bytes wait to be read is reset, and the close frame is lost with it.
    let _ = wire.drain(CLOSE_BYTES_MAX).await;
}

impl From<Unreadable> for End {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Broken(violation) => Self::Broken(violation),
            Unreadable::Lost => Self::Lost,
        }
    }
}
