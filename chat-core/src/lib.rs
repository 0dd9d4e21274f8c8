//! An embeddable chat engine: conversations, ordering, delivery and accounts, without sockets and without SQL.
//!
//! * [`Chat`] is the engine as a host sees it; each thing a user can do is a method. Start reading there.
//! * [`Session`] is one live client. A transport feeds it frames and writes what it gives back.
//! * [`Storage`] is what the engine asks of a database, [`SessionHub`] what it asks of whatever connects sessions,
//!   [`Link`] what it asks of whatever connects nodes.
//! * [`Accounts`] (feature `accounts`) are passwords, logins and tokens; a host with users of its own leaves them out.
//! * [`limits`] holds every bound, [`rules`] every right, [`metrics`] everything that is measured.
//! * `testing` (feature `testing`) holds a check for each promise of the traits, for authors of adapters.

#[cfg(feature = "accounts")]
mod accounts;
mod change;
mod chat;
mod cluster;
mod conversation;
mod error;
mod frame;
mod hub;
mod id;
mod identity;
pub mod limits;
pub mod link;
mod mailer;
mod memory;
mod message;
pub mod metrics;
pub mod random;
mod rates;
pub mod rules;
mod session;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod time;
pub mod trace;
mod user;
pub mod wire;

#[cfg(feature = "accounts")]
pub use accounts::{
    AccountOptions, AccountUpdate, Accounts, KeyError, MailTemplate, MailTemplates, Password, PasswordCost, Refreshed,
    Registration, TokenKeys, TokenPair,
};
pub use change::{Action, Appended, Change, Event, EventKind};
pub use chat::{Caller, Chat, ChatBuilder, NewGroup, Sent};
pub use conversation::{
    Conversation, ConversationName, Kind, Member, NewConversation, Position, Role, Summary, Visibility,
};
pub use error::Error;
pub use frame::{Frame, Lane, Place, Publication, SignalKey};
pub use hub::{
    Audience, CloseReason, LocalHub, Outbox, OutboxLimits, Pending, SessionEnd, SessionHub, Topic, TryWrite,
};
pub use id::{ConversationId, LoginId, MessageId, Seq, SessionId, UserId};
pub use identity::{Authenticate, Identity};
pub use limits::Limits;
pub use link::{Link, LinkError, Received};
pub use mailer::{Mail, MailError, MailHealth, MailQueue, Mailer, MemoryMailer};
#[cfg(feature = "smtp")]
pub use mailer::{MailFormat, MailSettingsError, SmtpMailer, SmtpSettings};
pub use memory::MemoryStorage;
pub use message::{Content, Draft, Message, Nonce};
pub use rates::{Budget, Rate, RateLimits};
pub use session::{Incoming, Outgoing, Session};
pub use storage::{
    BlockStorage, Blocked, Code, CodeHash, CodeStorage, CodeTry, ContactStorage, ConversationStorage, Epoch,
    GroupListing, History, Login, LoginStorage, NewCode, NewLogin, Page, Purpose, Rotation, Storage, StorageError,
    Timeline, TokenHash, Tried, UserKey, UserStorage,
};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use user::{Email, Fullname, NewUser, PasswordHash, PictureUrl, ProfileUpdate, PublicKey, Search, User, Username};
