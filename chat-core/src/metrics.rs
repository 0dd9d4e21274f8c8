//! What is counted and measured, for whoever watches over a server: each name, with its unit and its meaning. The rule: a
//! label has few values, all of them known beforehand, and none that tells of a user, a conversation or a word.
//!
//! Everything goes to the recorder that the host has installed with the crate `metrics`; without one, it costs next to
//! nothing. Handles are taken when an engine, a mail queue or accounts are made, so the recorder has to be there before.

use ::metrics::{Counter, Gauge, Unit, counter};

/// Defines each name, and what the recorder is told of it.
macro_rules! measured {
    ($($(#[doc = $help:literal])+ $kind:ident $unit:ident $name:ident = $text:literal;)+) => {
        $($(#[doc = $help])+ pub const $name: &str = $text;)+

        /// Every name.
        pub const ALL: &[&str] = &[$($name),+];

        /// Tells the recorder of this process what each name means.
        pub fn describe() {
            $(::metrics::$kind!($name, Unit::$unit, concat!($($help),+).trim());)+
        }
    };
}

measured! {
    /// Sessions that are open.
    describe_gauge Count SESSIONS_OPEN = "chat_sessions_open";
    /// Sessions that were opened.
    describe_counter Count SESSIONS_OPENED = "chat_sessions_opened_total";
    /// Frames that were published to a topic.
    describe_counter Count PUBLICATIONS = "chat_publications_total";
    /// Frames that were put into outboxes of sessions.
    describe_counter Count DELIVERIES = "chat_deliveries_total";
    /// Times that a session lost events because it read too slowly.
    describe_counter Count LAGGED = "chat_lagged_total";
    /// Bytes of events that wait in all outboxes together.
    describe_gauge Bytes OUTBOX_BYTES = "chat_outbox_bytes";
    /// Bytes of events that wait in the fullest outbox.
    describe_gauge Bytes OUTBOX_FULLEST_BYTES = "chat_outbox_fullest_bytes";
    /// Changes that wait for the commit in flight.
    describe_gauge Count CHANGES_WAITING = "chat_changes_waiting";
    /// Changes in one transaction.
    describe_histogram Count APPEND_BATCH = "chat_append_batch_changes";
    /// From asking for a change until it is stored and announced, or refused.
    describe_histogram Seconds APPEND_SECONDS = "chat_append_seconds";
    /// One transaction of changes, its commit included.
    describe_histogram Seconds COMMIT_SECONDS = "chat_commit_seconds";
    /// One read of events that sessions have missed.
    describe_histogram Seconds RESUME_READ_SECONDS = "chat_resume_read_seconds";
    /// Times that the storage was away when it was needed.
    describe_counter Count STORAGE_UNAVAILABLE = "chat_storage_unavailable_total";
    /// Password hashes that wait for their turn.
    describe_gauge Count PASSWORD_HASHES_WAITING = "chat_password_hashes_waiting";
    /// Password hashes that are being computed.
    describe_gauge Count PASSWORD_HASHES_RUNNING = "chat_password_hashes_running";
    /// Computing one password hash, without the wait for its turn.
    describe_histogram Seconds PASSWORD_HASH_SECONDS = "chat_password_hash_seconds";
    /// Mails that wait to be sent or tried again.
    describe_gauge Count MAILS_WAITING = "chat_mails_waiting";
    /// Mails that were written and are to be sent.
    describe_counter Count MAILS_QUEUED = "chat_mails_queued_total";
    /// Mails that were sent.
    describe_counter Count MAILS_SENT = "chat_mails_sent_total";
    /// Mails that will not be sent, by reason: `no_room`, `refused` by the mail server, `given_up` after the last try.
    describe_counter Count MAILS_FAILED = "chat_mails_failed_total";
    /// Tries to send a mail for which the mail server was not available.
    describe_counter Count MAIL_TRIES_FAILED = "chat_mail_tries_failed_total";
    /// HTTP requests that were answered, by method, route and status.
    describe_counter Count HTTP_REQUESTS = "chat_http_requests_total";
    /// Answering one HTTP request, by method and route.
    describe_histogram Seconds HTTP_REQUEST_SECONDS = "chat_http_request_seconds";
    /// Requests that were refused, by transport (`http`, `socket`) and the code of the error; `rate_limited` is one.
    describe_counter Count REFUSALS = "chat_refusals_total";
}

/// Counts a request that was refused over a transport, `http` or `socket`, by the code of its error.
pub fn refused(transport: &'static str, code: &'static str) {
    counter!(REFUSALS, "transport" => transport, "code" => code).increment(1);
}

/// Lets what seldom happens be seen before it does: as zero.
pub(crate) fn begin() {
    let _ = (counter!(LAGGED), counter!(STORAGE_UNAVAILABLE));
}

/// Counts some mails that will not be sent.
pub(crate) fn mails_failed(reason: &'static str) -> Counter {
    counter!(MAILS_FAILED, "reason" => reason)
}

/// Counts one thing among those that there are, for as long as this lives.
#[cfg(feature = "accounts")]
pub(crate) struct Present(Gauge);

#[cfg(feature = "accounts")]
impl Present {
    pub(crate) fn among(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

#[cfg(feature = "accounts")]
impl Drop for Present {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
