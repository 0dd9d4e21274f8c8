//! Mails that wait to be sent. The rule: putting one in never waits and never fails; there is room for so many, and each is
//! tried so often.

use super::{Mail, MailError, MailHealth, Mailer};
use crate::Limits;
use crate::metrics::{MAIL_TRIES_FAILED, MAILS_QUEUED, MAILS_SENT, MAILS_WAITING, mails_failed};
use metrics::{Counter, Gauge, counter, gauge};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Each pause between two attempts is so many times as long as the one before.
const PAUSE_GROWTH: u32 = 4;

/// Sends mails in the background, over a mail system that may be slow or away for a while. Clones are the same queue.
///
/// ```
/// use chat_core::{Limits, Mail, MailQueue, MemoryMailer};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mailer = Arc::new(MemoryMailer::default());
/// let queue = MailQueue::new(mailer.clone(), &Limits::default());
/// let (to, text) = ("ann@example.org".parse()?, "Tea at five?".to_owned());
/// queue.put(Mail { to, subject: "Tea".to_owned(), text, html: None });
///
/// queue.stop(Duration::from_secs(10)).await;
/// assert_eq!(mailer.sent().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MailQueue(Arc<Inner>);

struct Inner {
    mailer: Arc<dyn Mailer>,
    state: watch::Sender<State>,
    /// Who writes a mail does not wait for those who send one.
    writing: Semaphore,
    sending: Semaphore,
    waiting_max: usize,
    attempts_max: u32,
    retry_pause: Duration,
    counted: Counted,
}

struct Counted {
    waiting: Gauge,
    queued: Counter,
    sent: Counter,
    tries_failed: Counter,
    no_room: Counter,
    refused: Counter,
    given_up: Counter,
}

impl Counted {
    fn new() -> Self {
        Self {
            waiting: gauge!(MAILS_WAITING),
            queued: counter!(MAILS_QUEUED),
            sent: counter!(MAILS_SENT),
            tries_failed: counter!(MAIL_TRIES_FAILED),
            no_room: mails_failed("no_room"),
            refused: mails_failed("refused"),
            given_up: mails_failed("given_up"),
        }
    }
}

#[derive(Default)]
struct State {
    waiting: usize,
    is_stopping: bool,
    is_failing: bool,
}

/// Counts one mail for as long as it waits.
struct Place(Arc<Inner>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.waiting -= 1);
        self.0.counted.waiting.decrement(1);
    }
}

impl MailQueue {
    /// A queue before this mailer, within the four limits about mails.
    #[must_use]
    pub fn new(mailer: Arc<dyn Mailer>, limits: &Limits) -> Self {
        let turns = limits.mail_sends_max.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            mailer,
            state: watch::Sender::default(),
            writing: Semaphore::new(turns),
            sending: Semaphore::new(turns),
            waiting_max: limits.mail_queue_max,
            attempts_max: limits.mail_attempts_max.max(1),
            retry_pause: limits.mail_retry_pause,
            counted: Counted::new(),
        }))
    }

    /// Takes a mail to send. One for which there is no room, or that comes after [`stop`](Self::stop), is dropped with a word
    /// in the log.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn put(&self, mail: Mail) {
        self.write(async { Some(mail) });
    }

    /// Takes a mail that is still to be written, if there will be one; writing it takes part of the room, too.
    pub(crate) fn write(&self, writing: impl Future<Output = Option<Mail>> + Send + 'static) {
        let Some(place) = self.place() else {
            self.0.counted.no_room.increment(1);
            tracing::warn!("a mail was dropped: too many are waiting, or the server is stopping");
            return;
        };
        let queue = self.clone();
        tokio::spawn(async move {
            if let Some(mail) = queue.written(writing).await {
                queue.0.counted.queued.increment(1);
                queue.deliver(mail).await;
            }
            drop(place);
        });
    }

    /// How many mails wait to be sent or tried again.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.state.borrow().waiting
    }

    /// How mails fare.
    #[must_use]
    pub fn health(&self) -> MailHealth {
        let State { waiting, is_failing, .. } = *self.0.state.borrow();
        match () {
            () if waiting >= self.0.waiting_max => MailHealth::Full,
            () if is_failing => MailHealth::Failing,
            () if !self.0.mailer.is_delivering() => MailHealth::Nowhere,
            () => MailHealth::Ok,
        }
    }

    /// Takes no more mails, and waits until those it has are sent, as long as `patience` lasts. One that waits to be tried
    /// again is tried at once, and for the last time.
    pub async fn stop(&self, patience: Duration) {
        self.0.state.send_modify(|state| state.is_stopping = true);
        let mut state = self.0.state.subscribe();
        // The sender lives in `self`, so only the time can run out.
        if tokio::time::timeout(patience, state.wait_for(|state| state.waiting == 0)).await.is_err() {
            tracing::warn!(mails = self.waiting(), "some mails were not sent in time and are lost");
        }
    }

    fn place(&self) -> Option<Place> {
        let has_room = self.0.state.send_if_modified(|state| {
            let has_room = !state.is_stopping && state.waiting < self.0.waiting_max;
            state.waiting += usize::from(has_room);
            has_room
        });
        has_room.then(|| {
            self.0.counted.waiting.increment(1);
            Place(Arc::clone(&self.0))
        })
    }

    async fn written(&self, writing: impl Future<Output = Option<Mail>>) -> Option<Mail> {
        let _turn = self.0.writing.acquire().await.ok()?;
        writing.await
    }

    /// Tries until it is sent or refused, or was tried often enough.
    async fn deliver(&self, mail: Mail) {
        let mut pause = self.0.retry_pause;
        for attempt in 1..=self.0.attempts_max {
            match self.attempt(&mail).await {
                Ok(()) => {
                    self.0.counted.sent.increment(1);
                    return tracing::debug!(to = %mail.to, attempt, "a mail was sent");
                }
                Err(MailError::Refused(reason)) => {
                    self.0.counted.refused.increment(1);
                    return tracing::warn!(to = %mail.to, reason = %chain(&*reason), "a mail was refused");
                }
                Err(MailError::Unavailable(reason)) => {
                    self.0.counted.tries_failed.increment(1);
                    tracing::warn!(to = %mail.to, attempt, reason = %chain(&*reason), "a mail could not be sent yet");
                }
            }
            if self.0.state.borrow().is_stopping {
                break;
            }
            if attempt < self.0.attempts_max {
                self.rest(pause).await;
            }
            pause = pause.saturating_mul(PAUSE_GROWTH);
        }
        self.0.counted.given_up.increment(1);
        tracing::error!(to = %mail.to, "a mail was given up");
    }

    async fn attempt(&self, mail: &Mail) -> Result<(), MailError> {
        let turn = self.0.sending.acquire().await;
        let _turn = turn.map_err(|closed| MailError::Unavailable(closed.into()))?;
        let sent = self.0.mailer.send(mail.clone()).await;
        let is_failing = matches!(sent, Err(MailError::Unavailable(_)));
        self.0.state.send_if_modified(|state| std::mem::replace(&mut state.is_failing, is_failing) != is_failing);
        sent
    }

    /// Waits before the next attempt, unless there is to be only one more.
    async fn rest(&self, pause: Duration) {
        let mut state = self.0.state.subscribe();
        let _ = tokio::time::timeout(pause, state.wait_for(|state| state.is_stopping)).await;
    }
}

impl std::fmt::Debug for MailQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailQueue").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// An error with what it came from, on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let chain = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    chain.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryMailer;
    use async_trait::async_trait;
    use std::sync::Mutex;
    use tokio::time::Instant;

    /// Fails as it is told, then sends.
    #[derive(Default)]
    struct Failing {
        failures: Mutex<Vec<MailError>>,
        attempts: Mutex<Vec<Instant>>,
        sent: MemoryMailer,
    }

    impl Failing {
        fn with(failures: impl IntoIterator<Item = MailError>) -> Arc<Self> {
            Arc::new(Self { failures: Mutex::new(failures.into_iter().collect()), ..Self::default() })
        }

        /// The seconds from each attempt to the next.
        fn pauses(&self) -> Vec<u64> {
            let attempts = self.attempts.lock().unwrap();
            attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect()
        }
    }

    #[async_trait]
    impl Mailer for Failing {
        async fn send(&self, mail: Mail) -> Result<(), MailError> {
            self.attempts.lock().unwrap().push(Instant::now());
            let failure = self.failures.lock().unwrap().pop();
            match failure {
                Some(failure) => Err(failure),
                None => self.sent.send(mail).await,
            }
        }
    }

    /// Sends nothing and never answers.
    struct Stuck;

    #[async_trait]
    impl Mailer for Stuck {
        async fn send(&self, _: Mail) -> Result<(), MailError> {
            std::future::pending().await
        }
    }

    fn mail() -> Mail {
        Mail { to: "ann@example.org".parse().unwrap(), subject: "s".into(), text: "t".into(), html: None }
    }

    fn away() -> MailError {
        MailError::Unavailable("away".into())
    }

    async fn empty(queue: &MailQueue) {
        queue.0.state.subscribe().wait_for(|state| state.waiting == 0).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_is_tried_again_after_longer_and_longer_pauses() {
        let mailer = Failing::with((0..5).map(|_| away()));
        let queue = MailQueue::new(mailer.clone(), &Limits::default());
        queue.put(mail());
        empty(&queue).await;
        assert_eq!(mailer.pauses(), [1, 4, 16, 64, 256]);
        assert_eq!(mailer.sent.sent(), [mail()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mail_is_given_up_in_the_end() {
        let mailer = Failing::with((0..100).map(|_| away()));
        let queue = MailQueue::new(mailer.clone(), &Limits::default());
        queue.put(mail());
        empty(&queue).await;
        assert_eq!(mailer.attempts.lock().unwrap().len(), Limits::default().mail_attempts_max as usize);
    }

    #[tokio::test]
    async fn a_refused_mail_is_not_tried_again() {
        let mailer = Failing::with([MailError::Refused("nobody there".into())]);
        let queue = MailQueue::new(mailer.clone(), &Limits::default());
        queue.put(mail());
        empty(&queue).await;
        assert_eq!((mailer.attempts.lock().unwrap().len(), mailer.sent.sent().len()), (1, 0));
    }

    #[tokio::test]
    async fn mails_beyond_the_room_are_dropped() {
        let limits = Limits { mail_queue_max: 3, ..Limits::default() };
        let queue = MailQueue::new(Arc::new(Stuck), &limits);
        for _ in 0..10 {
            queue.put(mail());
        }
        assert_eq!(queue.waiting(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_tries_what_waits_once_more_and_takes_nothing_new() {
        let mailer = Failing::with([away()]);
        let queue = MailQueue::new(mailer.clone(), &Limits::default());
        queue.put(mail());
        while mailer.attempts.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        queue.stop(Duration::from_secs(10)).await;
        assert_eq!(mailer.pauses(), [0]);
        assert_eq!(mailer.sent.sent(), [mail()]);
        queue.put(mail());
        assert_eq!(queue.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_waits_no_longer_than_its_patience() {
        let queue = MailQueue::new(Arc::new(Stuck), &Limits::default());
        queue.put(mail());
        let begun = Instant::now();
        queue.stop(Duration::from_secs(10)).await;
        assert_eq!((begun.elapsed().as_secs(), queue.waiting()), (10, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn it_tells_when_the_mail_server_is_away_and_when_it_is_back() {
        let mailer = Failing::with([away()]);
        let queue = MailQueue::new(mailer.clone(), &Limits::default());
        assert_eq!(queue.health(), MailHealth::Ok);
        queue.put(mail());
        queue.0.state.subscribe().wait_for(|state| state.is_failing).await.unwrap();
        assert_eq!(queue.health(), MailHealth::Failing);
        empty(&queue).await;
        assert_eq!(queue.health(), MailHealth::Ok);
    }

    #[tokio::test]
    async fn it_tells_when_there_is_no_room_and_when_mails_reach_nobody() {
        let queue = MailQueue::new(Arc::new(Stuck), &Limits { mail_queue_max: 1, ..Limits::default() });
        queue.put(mail());
        assert_eq!(queue.health(), MailHealth::Full);
        let kept = MailQueue::new(Arc::new(MemoryMailer::default()), &Limits::default());
        assert_eq!(kept.health(), MailHealth::Nowhere);
    }
}
