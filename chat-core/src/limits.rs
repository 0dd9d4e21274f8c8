//! Every bound of the engine, each with its reason. The rule: nothing a client can make grow lacks a line here.
//!
//! Constants bound what a value may be, so that a parsed value is always within them; [`Limits`] holds what a host tunes.

use crate::RateLimits;
use std::time::Duration;

/// Characters in a username: fits a mention, a column and a log line.
pub const USERNAME_CHARS_MAX: usize = 64;
/// Characters in a full name: the longest names in use stay below it.
pub const FULLNAME_CHARS_MAX: usize = 128;
/// Bytes in an e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Bytes in a profile picture's URL: what browsers and proxies carry without trouble.
pub const URL_BYTES_MAX: usize = 2_048;
/// Bytes in a user's public key: an armoured RSA-4096 key with headers fits twice.
pub const PUBLIC_KEY_BYTES_MAX: usize = 8_192;
/// Characters in a conversation's name: one line of a list.
pub const CONVERSATION_NAME_CHARS_MAX: usize = 128;
/// Bytes in a message: a quarter of a frame. Escaped in JSON they may be six times as many, so a page of 100 holds ten
/// megabytes at the very most.
pub const CONTENT_BYTES_MAX: usize = 16 * 1_024;
/// Bytes in a nonce: a UUID with a prefix fits; it is indexed for as long as its message lives.
pub const NONCE_BYTES_MAX: usize = 128;
/// How often the log says that the storage is away for the same reason: for every request it would fill a disk, if that is not
/// full already.
pub const TROUBLE_REPEAT_INTERVAL: Duration = Duration::from_secs(30);
/// Bytes in a password: argon2 reads all of them, so their number is work a stranger can ask for.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Names that are tried for a new guest: of a million numbers, as many are free as not long before the last try fails.
pub const GUEST_NAMES_MAX: usize = 8;
/// KiB of memory that checking one stored password hash may take, unless new ones take more: four times the lesser of the
/// two costs that RFC 9106, section 4, recommends. A hash from elsewhere that asks for more would take down the server.
pub const PASSWORD_HASH_KIB_MAX: usize = 256 * 1_024;
/// Characters in a search: more than anyone types.
pub const SEARCH_CHARS_MAX: usize = 128;
/// Characters in what an error says of a field: room for what was expected, not for all that was sent.
pub const SENTENCE_CHARS_MAX: usize = 200;

/// Bytes in a request body.
pub const BODY_BYTES_MAX: usize = 1_024 * 1_024;
/// Bytes in a frame from a client.
pub const FRAME_BYTES_MAX: usize = 64 * 1_024;

/// Entries on a page when the request names no limit.
pub const PAGE_DEFAULT: u32 = 50;
/// Entries on a page at most.
pub const PAGE_MAX: u32 = 100;
/// Members listed inside one conversation; the members route pages through the rest.
pub const MEMBERS_LISTED_MAX: u32 = 1_000;
/// Members listed inside each conversation of a list: a page of 100 conversations names 10,000 people at most.
pub const MEMBERS_LISTED_IN_PAGE_MAX: u32 = 100;
/// Members named when a conversation is created: one transaction and one event hold them all.
pub const MEMBERS_AT_CREATION_MAX: usize = 1_000;
/// Characters of a conversation's newest message in a list: a line or two, so that a list of thousands stays in proportion.
pub const PREVIEW_CHARS_MAX: usize = 256;
/// Conversations in one `get_conversations` answer; the HTTP route pages through the rest.
pub const CONVERSATIONS_LISTED_MAX: u32 = 1_000;
/// Members of one conversation.
pub const MEMBERS_MAX: u64 = 250_000;
/// Conversations one user may be a member of: what a session subscribes to when it opens.
pub const MEMBERSHIPS_MAX: u64 = 10_000;
/// Spent refresh tokens that each login remembers, to tell when one was copied: four days of one that is refreshed
/// every hour. An older one opens nothing either, but no longer tells of the copy.
pub const SPENT_TOKENS_MAX: u32 = 100;
/// Wrong tries after which a mailed code is dead: of a million codes, guessing finds one in 200,000 times.
pub const CODE_TRIES_MAX: u32 = 5;
/// Codes that one user is given for one purpose within [`CODES_WINDOW`]: enough for who looks into the wrong mailbox first,
/// and what keeps others from filling a mailbox or from guessing for long.
pub const CODES_MAX: u32 = 5;
/// See [`CODES_MAX`].
pub const CODES_WINDOW: Duration = Duration::from_secs(60 * 60);
/// Contacts of one user: what one change of presence reaches.
pub const CONTACTS_MAX: u64 = 10_000;
/// Users whom one user blocks by name: more than anyone has fallen out with, and one `get_blocked` lists them all.
pub const BLOCKS_MAX: u64 = 1_000;
/// Missed events of one conversation that a `resume` replays; after more, fetching anew is the smaller work.
pub const RESUME_EVENTS_MAX: i64 = 1_000;
/// Bytes of missed events that one `resume` replays, over all conversations: what one session may queue at once.
pub const RESUME_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Missed events read at once: a thousand short ones in few reads, and few megabytes if they are long.
pub const RESUME_PAGE: u32 = 250;
/// Sends of one session that are under way at once: a client that catches up with what was written offline fills a batch.
pub const SENDS_UNDER_WAY_MAX: usize = 32;
/// Bytes of a `ref` that the log shows: a UUID with a prefix fits.
pub(crate) const LOGGED_REF_BYTES_MAX: usize = 64;
/// Messages one read request may name.
pub const READ_MESSAGES_MAX: usize = 1_000;
/// What a node has yet to tell the others, of each kind: conversations that have something new, users who came or went, what
/// else happened. An hour of a busy node, in a few MiB; above it the others compare with the storage instead.
pub const NODE_NOTES_MAX: usize = 10_000;
/// What other nodes told that is yet to be looked up in the storage; above it, everything is compared instead.
pub const NODE_LOOKUPS_MAX: usize = 1_024;
/// Events of one conversation that wait on their node for those of other nodes before them, to answer the sessions that asked.
/// Above it a session gets its answer ahead of its turn.
pub const NODE_ECHOES_MAX: usize = 256;
/// Users, names or addresses whose spending one budget remembers: more than are busy at once, in some two MiB. The least
/// recently seen half is forgotten above it, and begins anew.
pub const BUDGET_KEYS_MAX: usize = 65_536;
/// How long a page or a session waits for its turn: no longer than somebody looks at an empty list. Above it the request is
/// refused.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long the sessions of a user who goes on in spite of many refusals rest after each request: what it costs to refuse one
/// more is then too little to be felt.
pub const STUBBORN_REST: Duration = Duration::from_millis(250);
/// Where counting unread messages stops: keeps the count one short index walk for a member who never reads.
pub const UNREAD_MAX: u32 = 10_000;

/// What a host may tune. `Limits::default()` suits a server with thousands of sessions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Changes waiting for the commit in flight; a further caller waits for room.
    pub append_queue_max: usize,
    /// Changes in one storage transaction: long enough to make the commit's cost vanish, short enough to keep latency.
    pub append_batch_max: usize,
    /// Bytes of conversation events that may wait in one session's outbox before they give way to `lagged`.
    pub outbox_bytes_max: usize,
    /// Typing frames that may wait in one session's outbox; each user keeps only the newest of a kind. Presence frames are as
    /// many as there are contacts, and none is dropped: nothing else would tell that a contact went.
    pub outbox_signals_max: usize,
    /// Passwords hashed at once; more wait their turn without holding a thread.
    pub password_hashes_max: usize,
    /// Password hashes waiting for their turn; more are answered "try again later".
    pub password_queue_max: usize,
    /// Mails waiting to be sent, those that are tried again among them; further ones are dropped with a word in the log.
    pub mail_queue_max: usize,
    /// Mails sent at once: as many connections a mail server grants one client without a second thought.
    pub mail_sends_max: usize,
    /// How long after the first failed attempt a mail is tried again; each further pause is four times as long.
    pub mail_retry_pause: Duration,
    /// How often a mail is tried: with the default pause, for some five minutes, while the codes in it still live.
    pub mail_attempts_max: u32,
    /// How long one `typing` shows if nothing ends it.
    pub typing_lasts: Duration,
    /// Shortest time between two `typing` pushes of one member in one conversation.
    pub typing_interval: Duration,
    /// Conversations in which one user is shown as typing at once: nobody types in more.
    pub typing_places_max: usize,
    /// Sessions of one user that may be open at once on one node: more devices and windows than anyone has. Each costs memory
    /// and a copy of every event.
    pub sessions_per_user_max: usize,
    /// How often one user may do what costs others something; `None` lets everyone do everything as fast as they can, which
    /// suits a host that counts requests itself or knows its users.
    pub rates: Option<RateLimits>,
    /// Over what time sessions are closed when the engine stops, so that their clients do not all come back at once.
    pub stop_spread: Duration,
    /// Time between two pings on a session; after two without an answer it is closed.
    pub ping_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            append_queue_max: 4_096,
            append_batch_max: 1_024,
            outbox_bytes_max: 512 * 1_024,
            outbox_signals_max: 256,
            password_hashes_max: (cores / 2).max(1),
            password_queue_max: 256,
            mail_queue_max: 1_000,
            mail_sends_max: 4,
            mail_retry_pause: Duration::from_secs(1),
            mail_attempts_max: 6,
            typing_lasts: Duration::from_secs(6),
            typing_interval: Duration::from_secs(1),
            typing_places_max: 10,
            sessions_per_user_max: 100,
            rates: None,
            stop_spread: Duration::from_secs(1),
            ping_interval: Duration::from_secs(25),
        }
    }
}
