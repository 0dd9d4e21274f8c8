//! Conversations and who is in them. A group is a conversation of kind `group`; a direct one belongs to its two members.

use crate::text::{one_line, text};
use crate::{ConversationId, Message, MessageId, Seq, Timestamp, UserId, Username, limits};
use serde::{Deserialize, Serialize};

text!(
    /// A conversation's name: 1 to 128 characters on one line; need not be unique.
    ConversationName,
    |name| one_line(&name, limits::CONVERSATION_NAME_CHARS_MAX)
);

impl ConversationName {
    /// The name of a conversation that was given none: its members' names, cut to what a name may hold.
    #[must_use]
    pub fn of_members<'a>(members: impl IntoIterator<Item = &'a Username>) -> Self {
        let names = members.into_iter().map(Username::as_str).collect::<Vec<_>>().join(SEPARATOR);
        Self::cut(&names)
    }

    /// The same list of names with what is left of a deleted user in the place of their name; `None` if it is not in it. A last
    /// name that was cut is theirs if theirs begins like it.
    #[must_use]
    pub fn without(&self, user: UserId, username: &Username) -> Option<Self> {
        let is_full = self.as_str().chars().count() == limits::CONVERSATION_NAME_CHARS_MAX;
        let mut names: Vec<_> = self.as_str().split(SEPARATOR).collect();
        let last = names.len() - 1;
        let left = Username::of_deleted(user);
        let mut is_changed = false;
        for (position, name) in names.iter_mut().enumerate() {
            let is_cut = is_full && position == last && !name.is_empty();
            if *name == username.as_str() || is_cut && username.as_str().starts_with(*name) {
                (*name, is_changed) = (left.as_str(), true);
            }
        }
        is_changed.then(|| Self::cut(&names.join(SEPARATOR)))
    }

    fn cut(names: &str) -> Self {
        Self::from_stored(names.chars().take(limits::CONVERSATION_NAME_CHARS_MAX).collect())
    }
}

/// What stands between the names of members.
const SEPARATOR: &str = ", ";

/// Whether a conversation is between two people or in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// Between two people, one for each pair, for good.
    Direct,
    /// Among any number of people.
    Group,
}

/// Whether strangers may find and join a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Visibility {
    /// Only members know of it.
    #[default]
    Private,
    /// Everyone may find and join it.
    Public,
}

/// What a member may do, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Role {
    /// Talks and brings others in.
    #[default]
    Member,
    /// Renames, removes members, deletes messages.
    Admin,
    /// Deletes the group and hands it over; there is exactly one.
    Owner,
}

/// Names of the variants as they stand on the wire and in databases.
macro_rules! stored_as {
    ($name:ident { $($variant:ident = $text:literal),+ }) => {
        impl $name {
            /// The name on the wire and in databases.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads back what [`Self::as_str`] wrote.
            #[must_use]
            pub fn from_stored(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Self::from_stored(&text).ok_or_else(|| format!("must be {}", [$($text),+].join(" or ")))
            }
        }
    };
}
stored_as!(Kind { Direct = "direct", Group = "group" });
stored_as!(Visibility { Private = "private", Public = "public" });
stored_as!(Role { Member = "member", Admin = "admin", Owner = "owner" });

/// A conversation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Unique among users and conversations.
    pub id: ConversationId,
    /// Direct or group.
    pub kind: Kind,
    /// Shown in lists.
    pub name: ConversationName,
    /// Whether strangers may find and join it.
    pub visibility: Visibility,
    /// When it was created.
    pub created_at: Timestamp,
    /// The place of the newest change.
    pub last_seq: Seq,
    /// How many members it has.
    pub member_count: u64,
}

/// One user's part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// Their name.
    pub username: Username,
    /// What they may do.
    pub role: Role,
    /// When they came in.
    pub joined_at: Timestamp,
}

/// A conversation as one of its members sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The conversation.
    pub conversation: Conversation,
    /// Its first members in the order they joined, at most [`limits::MEMBERS_LISTED_IN_PAGE_MAX`].
    pub members: Vec<Username>,
    /// Messages after the read mark, by others, not deleted; counting stops at [`limits::UNREAD_MAX`].
    pub unread: u32,
    /// The newest message.
    pub last_message: Option<Message>,
    /// The newest message that the member has marked as read.
    pub read_up_to: Option<MessageId>,
}

/// How far a conversation has come, and how far one of its members has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The conversation.
    pub conversation: ConversationId,
    /// The place of the newest change.
    pub last_seq: Seq,
    /// As in a [`Summary`].
    pub unread: u32,
    /// As in a [`Summary`].
    pub read_up_to: Option<MessageId>,
}

/// A conversation to create, with its creator as a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewConversation {
    /// The one conversation with this user.
    Direct(UserId),
    /// A group that the creator owns.
    Group {
        /// Shown in lists; `None` for the members' names.
        name: Option<ConversationName>,
        /// Whether strangers may find and join it.
        visibility: Visibility,
        /// Everyone besides the creator, at most [`limits::MEMBERS_AT_CREATION_MAX`].
        members: Vec<UserId>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_user_is_taken_out_of_a_list_of_names_and_of_nothing_else() {
        let user = UserId::try_from(7).unwrap();
        let without = |name: &str, username: &str| {
            let username = Username::from_stored(username.into());
            ConversationName::from_stored(name.into()).without(user, &username).map(String::from)
        };
        assert_eq!(without("ann, bob, cleo", "bob").as_deref(), Some("ann, deleted~7, cleo"));
        assert_eq!(without("ann", "ann").as_deref(), Some("deleted~7"));
        for untouched in ["ann, bobby", "bob's birthday", "Bob", "friends"] {
            assert_eq!(without(untouched, "bob"), None);
        }
        let cut = format!("{}, bo", "a".repeat(limits::CONVERSATION_NAME_CHARS_MAX - 4));
        assert!(without(&cut, "bob").unwrap().ends_with("aaa, de"));
        assert_eq!(without(&cut, "cleo"), None);
    }
}
