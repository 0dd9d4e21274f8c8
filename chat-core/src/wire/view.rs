//! Entities as clients see them.

use crate::{Conversation, Page};
use crate::{
    ConversationId, ConversationName, Email, Fullname, GroupListing, Kind, Member, Message, MessageId, Nonce,
    PictureUrl, Position, PublicKey, Role, Seq, Summary, Timestamp, User, UserId, Username, Visibility, limits,
};
use serde::Serialize;

/// A user, as everyone sees them.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserView {
    id: UserId,
    username: Username,
    fullname: Fullname,
    profile_picture: Option<PictureUrl>,
    public_key: Option<PublicKey>,
    is_online: bool,
    last_online: Timestamp,
    created_at: Timestamp,
}

impl UserView {
    /// The user now. Who is online was last online now, and who never had a session was so when they registered.
    pub(crate) fn new(user: User, is_online: bool, now: Timestamp) -> Self {
        let last_online = if is_online { now } else { user.last_online.unwrap_or(user.created_at) };
        Self {
            id: user.id,
            username: user.username,
            fullname: user.fullname,
            profile_picture: user.profile_picture,
            public_key: user.public_key,
            is_online,
            last_online,
            created_at: user.created_at,
        }
    }

    pub(crate) fn into_username(self) -> Username {
        self.username
    }
}

/// A user, as they see themselves.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountView {
    #[serde(flatten)]
    user: UserView,
    email: Option<Email>,
    email_verified: bool,
}

impl AccountView {
    pub(crate) fn new(email: Option<Email>, email_verified: bool, user: UserView) -> Self {
        Self { user, email, email_verified }
    }
}

/// A user in the events of contacts and of oneself.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactView {
    username: Username,
    fullname: Fullname,
    is_online: bool,
    last_online: Timestamp,
    created_at: Timestamp,
}

impl From<UserView> for ContactView {
    fn from(user: UserView) -> Self {
        let UserView { username, fullname, is_online, last_online, created_at, .. } = user;
        Self { username, fullname, is_online, last_online, created_at }
    }
}

/// A message.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageView {
    id: MessageId,
    conversation_id: ConversationId,
    seq: Seq,
    sender_username: Username,
    sender_id: UserId,
    content: String,
    reply_id: Option<MessageId>,
    nonce: Option<Nonce>,
    sent_at: Timestamp,
    edited_at: Option<Timestamp>,
    deleted: bool,
}

impl MessageView {
    /// The message with as much of its content as a list shows.
    pub(crate) fn preview(mut message: Message) -> Self {
        if let Some((end, _)) = message.content.char_indices().nth(limits::PREVIEW_CHARS_MAX) {
            message.content.truncate(end);
        }
        Self::from(message)
    }

    /// The message in the event with this `seq`.
    pub(crate) fn at(seq: Option<Seq>, message: Message) -> Self {
        let seq = seq.unwrap_or(message.seq);
        Self { seq, ..Self::from(message) }
    }
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            conversation_id: message.conversation,
            seq: message.seq,
            sender_username: message.sender_username,
            sender_id: message.sender,
            content: message.content,
            reply_id: message.reply_id,
            nonce: message.nonce,
            sent_at: message.sent_at,
            edited_at: message.edited_at,
            deleted: message.deleted,
        }
    }
}

/// A conversation without those who are in it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationHead {
    id: ConversationId,
    kind: Kind,
    name: ConversationName,
    visibility: Visibility,
    created_at: Timestamp,
    last_seq: Seq,
    member_count: u64,
}

impl From<Conversation> for ConversationHead {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id,
            kind: conversation.kind,
            name: conversation.name,
            visibility: conversation.visibility,
            created_at: conversation.created_at,
            last_seq: conversation.last_seq,
            member_count: conversation.member_count,
        }
    }
}

/// A conversation with its members: objects where it is read alone, names where it is one of many.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConversationDetails<M> {
    #[serde(flatten)]
    head: ConversationHead,
    members: Vec<M>,
}

impl<M> ConversationDetails<M> {
    pub(crate) fn new(conversation: Conversation, members: Vec<M>) -> Self {
        Self { head: conversation.into(), members }
    }

    /// Which conversation it is.
    #[must_use]
    pub fn id(&self) -> ConversationId {
        self.head.id
    }
}

impl ConversationDetails<MemberView> {
    /// The same with the members' names alone.
    #[must_use]
    pub fn named(self) -> ConversationDetails<Username> {
        let members = self.members.into_iter().map(|member| member.username).collect();
        ConversationDetails { head: self.head, members }
    }
}

/// A member of a conversation.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MemberView {
    id: UserId,
    username: Username,
    role: Role,
    joined_at: Timestamp,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self { id: member.user, username: member.username, role: member.role, joined_at: member.joined_at }
    }
}

/// A conversation in a member's list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SummaryView {
    #[serde(flatten)]
    conversation: ConversationDetails<Username>,
    unread: u32,
    last_message: Option<MessageView>,
    read_up_to: Option<MessageId>,
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            conversation: ConversationDetails::new(summary.conversation, summary.members),
            unread: summary.unread,
            last_message: summary.last_message.map(MessageView::preview),
            read_up_to: summary.read_up_to,
        }
    }
}

/// What became of a conversation that a client resumes.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResumedView {
    id: ConversationId,
    /// `null` if it is not, or not any more, the user's to see.
    last_seq: Option<Seq>,
    unread: u32,
    read_up_to: Option<MessageId>,
    reset: bool,
}

impl ResumedView {
    pub(crate) fn of_member(position: Position, reset: bool) -> Self {
        let Position { conversation, last_seq, unread, read_up_to } = position;
        Self { id: conversation, last_seq: Some(last_seq), unread, read_up_to, reset }
    }

    pub(crate) fn of_stranger(conversation: ConversationId) -> Self {
        Self { id: conversation, last_seq: None, unread: 0, read_up_to: None, reset: true }
    }
}

/// A public group, as those see it who are not in it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupListingView {
    id: ConversationId,
    name: ConversationName,
    visibility: Visibility,
    member_count: u64,
}

impl From<GroupListing> for GroupListingView {
    fn from(group: GroupListing) -> Self {
        let GroupListing { id, name, member_count } = group;
        Self { id, name, visibility: Visibility::Public, member_count }
    }
}

impl<T> Page<T> {
    /// The page as a JSON object with its list under `name`.
    #[must_use]
    pub fn named(self, name: &str) -> serde_json::Value
    where
        T: Serialize,
    {
        serde_json::json!({ name: self.items, "next": self.next })
    }
}
