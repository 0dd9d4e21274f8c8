//! A connection that carries frames.

use super::frames::{Decoder, Opcode, Received, Violation, put_frame};
use crate::limits::{READ_BYTES, WRITE_BYTES};
use bytes::Bytes;
use chat_core::TryWrite;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

thread_local! {
    /// Where frames are put together; a connection that waits holds no room for it.
    static OUT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WRITE_BYTES));
}

/// Reads and writes the frames of one client.
pub(super) struct Wire<C> {
    connection: Arc<Connection<C>>,
    decoder: Decoder,
}

/// The part of a wire that others write to as well.
pub(super) struct Connection<C>(Mutex<State<C>>);

struct State<C> {
    stream: C,
    /// What the client has not taken yet.
    unwritten: Vec<u8>,
    /// A close frame is the last.
    is_closed: bool,
}

/// Why nothing more can be read.
pub(super) enum Unreadable {
    /// The client breaks the protocol.
    Broken(Violation),
    /// Nobody is there any more.
    Lost,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Wire<C> {
    pub(super) fn new(stream: C) -> Self {
        let state = State { stream, unwritten: vec![], is_closed: false };
        Self { connection: Arc::new(Connection(Mutex::new(state))), decoder: Decoder::default() }
    }

    /// What lets others write.
    pub(super) fn connection(&self) -> Arc<Connection<C>> {
        Arc::clone(&self.connection)
    }

    /// Waits for the next message or control frame. Cancelling it loses nothing.
    pub(super) async fn read(&mut self) -> Result<Received, Unreadable> {
        loop {
            if let Some(received) = self.decoder.next().map_err(Unreadable::Broken)? {
                return Ok(received);
            }
            poll_fn(|cx| self.poll_arrival(cx)).await.map_err(|_| Unreadable::Lost)?;
        }
    }

    /// Writes what was left, and then texts in as few system calls as their size allows.
    pub(super) async fn write(&mut self, texts: &[Bytes]) -> io::Result<()> {
        self.write_left().await?;
        for texts in pieces(texts) {
            self.connection.state().put_now(Opcode::Text, texts);
            self.write_left().await?;
        }
        Ok(())
    }

    /// Writes a control frame.
    pub(super) async fn write_control(&mut self, opcode: Opcode, payload: Bytes) -> io::Result<()> {
        self.connection.state().put_now(opcode, &[payload]);
        self.write_left().await
    }

    /// Waits until the client has taken all.
    async fn write_left(&self) -> io::Result<()> {
        poll_fn(|cx| self.connection.state().poll_write_left(cx)).await
    }

    /// Waits until the client closes its side, or has sent this much.
    pub(super) async fn drain(&mut self, bytes_max: usize) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.connection.state().stream).poll_shutdown(cx)).await?;
        let mut left = bytes_max;
        while left > 0 {
            let read = poll_fn(|cx| self.connection.poll_read(cx, <[u8]>::len)).await?;
            left = left.saturating_sub(read);
        }
        Ok(())
    }

    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { connection, decoder } = self;
        connection.poll_read(cx, |bytes| decoder.push(bytes))
    }
}

impl<C: AsyncRead + Unpin> Connection<C> {
    /// Reads into a buffer on the stack, which a connection that waits does not have.
    fn poll_read<T>(&self, cx: &mut Context<'_>, take: impl FnOnce(&[u8]) -> T) -> Poll<io::Result<T>> {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.state().stream).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(Ok(take(buffer.filled())))
    }
}

impl<C> Connection<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: AsyncWrite + Unpin + Send> TryWrite for Connection<C> {
    fn try_write(&self, frames: &[Bytes]) -> bool {
        let mut state = self.state();
        pieces(frames).for_each(|frames| state.put_now(Opcode::Text, frames));
        state.unwritten.is_empty()
    }
}

impl<C: AsyncWrite + Unpin> State<C> {
    /// Writes frames as far as the client takes them now, and keeps what is left: all of it if the connection is broken, so that
    /// whoever writes that learns why.
    fn put_now(&mut self, opcode: Opcode, payloads: &[Bytes]) {
        if self.is_closed {
            return;
        }
        self.is_closed = opcode == Opcode::Close;
        if !self.unwritten.is_empty() {
            payloads.iter().for_each(|payload| put_frame(&mut self.unwritten, opcode, payload));
            return;
        }
        OUT.with_borrow_mut(|out| {
            out.clear();
            out.shrink_to(WRITE_BYTES);
            payloads.iter().for_each(|payload| put_frame(out, opcode, payload));
            // Nobody is woken when the client takes more: whoever writes what is left asks for that.
            let mut context = Context::from_waker(Waker::noop());
            let written = match Pin::new(&mut self.stream).poll_write(&mut context, out) {
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(_)) | Poll::Pending => 0,
            };
            self.unwritten.extend_from_slice(&out[written..]);
        });
    }

    fn poll_write_left(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unwritten.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unwritten))?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.unwritten.drain(..written);
        }
        self.unwritten = vec![];
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

/// Divides texts into pieces that are written in one system call each.
fn pieces(mut texts: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = texts.iter().take_while(|text| {
            bytes += text.len();
            bytes <= WRITE_BYTES
        });
        let (piece, rest) = texts.split_at(fitting.count().max(1).min(texts.len()));
        texts = rest;
        (!piece.is_empty()).then_some(piece)
    })
}
