//! Changes and the events they become. The rule: whatever changes a conversation is a [`Change`], is stored by
//! [`Timeline::append`](crate::Timeline::append), and is announced as the [`Event`]s that this returns.

use crate::{
    Content, Conversation, ConversationId, ConversationName, Draft, Member, Message, MessageId, NewConversation, Role,
    Seq, Timestamp, UserId, Username, Visibility,
};

/// Something one user asks to be done, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who asks.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
}

/// What can be done to conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create a conversation; a direct one that exists already is left as it is.
    Create(NewConversation),
    /// Send a message.
    Send {
        /// Where.
        conversation: ConversationId,
        /// What.
        draft: Draft,
    },
    /// Replace what a message says.
    Edit {
        /// Which.
        message: MessageId,
        /// What it says from now on.
        content: Content,
    },
    /// Remove what a message says; its place in the order stays.
    Delete {
        /// Which.
        message: MessageId,
    },
    /// Change a group's name or visibility; `None` leaves it as it is.
    Update {
        /// Which group.
        conversation: ConversationId,
        /// Its new name.
        name: Option<ConversationName>,
        /// Its new visibility.
        visibility: Option<Visibility>,
    },
    /// Bring a user in, or change a member's role. A user who names themselves joins a public group.
    AddMember {
        /// Which group.
        conversation: ConversationId,
        /// Whom.
        user: UserId,
        /// Their role; `None` leaves a member's role as it is and makes a newcomer an ordinary member.
        role: Option<Role>,
    },
    /// Put a member out. A user who names themselves leaves.
    RemoveMember {
        /// Which group.
        conversation: ConversationId,
        /// Whom.
        user: UserId,
    },
    /// Delete a group with all that was said in it.
    DeleteConversation {
        /// Which group.
        conversation: ConversationId,
    },
    /// Move the actor's read marks up to these messages; a mark never moves back.
    MarkRead {
        /// Which messages, in any number of conversations.
        messages: Vec<MessageId>,
    },
    /// Delete a user with their messages, memberships, contacts, blocks and logins.
    DeleteUser {
        /// Whom.
        user: UserId,
    },
}

/// What storing one change led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The change as an event, then its consequences, in `seq` order within each conversation.
    pub events: Vec<Event>,
    /// Whether anything was changed. If not, `events` holds what was stored before, and nothing is to be announced.
    pub is_new: bool,
}

impl Appended {
    /// A change that took place.
    #[must_use]
    pub fn now(events: Vec<Event>) -> Self {
        Self { events, is_new: true }
    }

    /// Whether the conversation is gone with this change.
    pub(crate) fn dissolves(&self, conversation: ConversationId) -> bool {
        let mut deletions = self.events.iter().filter(|event| event.kind == EventKind::ConversationDeleted);
        deletions.any(|event| event.conversation == conversation)
    }

    /// A change that had taken place before.
    #[must_use]
    pub fn before(event: Event) -> Self {
        Self { events: vec![event], is_new: false }
    }
}

/// One thing that happened in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub conversation: ConversationId,
    /// Its place in the order of the conversation; `None` for what takes none: creation, deletion of the whole, read marks.
    pub seq: Option<Seq>,
    /// Who did it.
    pub by: Username,
    /// What.
    pub kind: EventKind,
}

/// What can happen in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It was created, with these members.
    Created(Conversation, Vec<Member>),
    /// A message was sent.
    Sent(Message),
    /// A message says something else now.
    Edited(Message),
    /// A message lost its words.
    Deleted(Message),
    /// The group has this name and visibility now.
    Updated(ConversationName, Visibility),
    /// A user came in, or has another role now.
    MemberAdded {
        /// The user.
        user: UserId,
        /// Their name.
        username: Username,
        /// Their role from now on.
        role: Role,
    },
    /// A user is no member any more.
    MemberRemoved {
        /// The user.
        user: UserId,
        /// Their name.
        username: Username,
        /// Whether the user was deleted, and all their messages here with them.
        messages_deleted: bool,
    },
    /// The group is gone.
    ConversationDeleted,
    /// A member has read up to this message.
    Read {
        /// The member.
        user: UserId,
        /// The newest message they have read.
        message: MessageId,
        /// Whether only they are told: one of the two of a direct conversation is closed to the other.
        is_private: bool,
    },
}
