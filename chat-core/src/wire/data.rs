//! What frames carry that is no entity by itself.

use crate::wire::{ContactView, MessageView, ResumedView, SummaryView};
use crate::{ConversationId, ConversationName, Epoch, MessageId, Role, Seq, Timestamp, UserId, Username, Visibility};
use serde::Serialize;

/// A conversation has another name or visibility.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Renamed {
    pub(crate) conversation_id: ConversationId,
    pub(crate) seq: Option<Seq>,
    pub(crate) name: ConversationName,
    pub(crate) visibility: Visibility,
    pub(crate) by: Username,
}

/// Someone came in, or has another role.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct MemberAdded {
    pub(crate) conversation_id: ConversationId,
    pub(crate) seq: Option<Seq>,
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
    pub(crate) role: Role,
    pub(crate) by: Username,
}

/// Someone left, was removed, or was deleted, perhaps with all that they wrote.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct MemberRemoved {
    pub(crate) conversation_id: ConversationId,
    pub(crate) seq: Option<Seq>,
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
    pub(crate) by: Username,
    pub(crate) messages_deleted: bool,
}

/// A conversation is gone.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct ConversationDeleted {
    pub(crate) conversation_id: ConversationId,
    pub(crate) by: Username,
}

/// How far someone has read.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct ReadMark {
    pub(crate) conversation_id: ConversationId,
    pub(crate) user_id: UserId,
    pub(crate) username: Username,
    pub(crate) message_id: MessageId,
}

/// Whether a member is typing.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Typing {
    pub(crate) conversation_id: ConversationId,
    pub(crate) username: Username,
    pub(crate) is_typing: bool,
}

/// Whether a contact is online.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Presence {
    pub(crate) username: Username,
    pub(crate) is_online: bool,
}

/// A contact that was added or removed.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct ContactChanged {
    pub(crate) message: &'static str,
    pub(crate) contact: ContactView,
}

/// The usernames of one's contacts.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Contacts {
    pub(crate) message: &'static str,
    pub(crate) contacts: Vec<Username>,
}

/// Whom one blocks now, or no longer.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct BlockChanged {
    pub(crate) message: &'static str,
    pub(crate) username: Username,
}

/// The usernames of those whom one blocks.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct BlockedUsers {
    pub(crate) message: &'static str,
    pub(crate) blocked: Vec<Username>,
}

/// Messages of one conversation, newest first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Messages {
    pub(crate) conversation_id: ConversationId,
    pub(crate) messages: Vec<MessageView>,
}

/// All conversations of a user, after which live events follow without a gap.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Synced {
    pub(crate) epoch: Epoch,
    pub(crate) conversations: Vec<SummaryView>,
}

/// What became of each conversation, after what was missed in them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Resumed {
    pub(crate) epoch: Epoch,
    pub(crate) conversations: Vec<ResumedView>,
}

/// How long the socket lives now.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct LoggedIn {
    pub(crate) expires_at: Option<Timestamp>,
}
