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
    /// A stream that encrypts takes bytes before the client does, and then has to be told to pass them on.
    is_unflushed: bool,
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
        let state = State { stream, unwritten: vec![], is_unflushed: false, is_closed: false };
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
        !state.is_left()
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
        if self.is_left() {
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
            let flushed = Pin::new(&mut self.stream).poll_flush(&mut context);
            self.is_unflushed = !matches!(flushed, Poll::Ready(Ok(())));
        });
    }

    /// Whether somebody has yet to wait for the client. Until then nobody else may touch the stream: it would wake them instead.
    fn is_left(&self) -> bool {
        self.is_unflushed || !self.unwritten.is_empty()
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
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.is_unflushed = false;
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    /// A stream that encrypts: it takes all bytes at once, and passes them on when it is told to and the client lets it.
    #[derive(Default)]
    struct Encrypting {
        taken: Vec<u8>,
        passed_on: Vec<u8>,
        is_let: bool,
        waits: Option<Waker>,
    }

    impl AsyncRead for Encrypting {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Encrypting {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.waits = Some(cx.waker().clone());
            self.taken.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            if !self.is_let && !self.taken.is_empty() {
                self.waits = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let taken = std::mem::take(&mut self.taken);
            self.passed_on.extend(taken);
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn texts(words: &[&'static str]) -> Vec<Bytes> {
        words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect()
    }

    #[test]
    fn bytes_that_only_the_stream_has_taken_are_left_to_the_session() {
        let wire = Wire::new(Encrypting::default());
        assert!(!wire.connection().try_write(&texts(&["one"])), "the client has nothing of it yet");
        wire.connection.state().stream.is_let = true;
        let mut wire = wire;
        let mut context = Context::from_waker(Waker::noop());
        assert!(Box::pin(wire.write(&[])).as_mut().poll(&mut context).is_ready());
        assert_eq!(wire.connection.state().stream.passed_on, b"\x81\x03one");
        assert!(wire.connection().try_write(&texts(&["two"])), "nothing is left now");
    }

    #[test]
    fn who_waits_for_the_client_is_woken_though_others_write_meanwhile() {
        let mut wire = Wire::new(Encrypting::default());
        let connection = wire.connection();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let one = texts(&["one"]);
        let mut writing = Box::pin(wire.write(&one));
        assert!(writing.as_mut().poll(&mut context).is_pending());

        assert!(!connection.try_write(&texts(&["two"])));

        let mut state = connection.state();
        state.stream.is_let = true;
        state.stream.waits.take().unwrap().wake();
        drop(state);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(writing.as_mut().poll(&mut context).is_ready());
        assert_eq!(connection.state().stream.passed_on, b"\x81\x03one\x81\x03two");
    }
}
