//! Conversations and who is in them.

use super::{Caller, Chat};
use crate::wire::{ConversationDetails, MemberView};
use crate::{
    Action, Appended, Conversation, ConversationId, ConversationName, Error, EventKind, GroupListing, Kind, Member,
    NewConversation, Page, Role, Search, Summary, UserId, Username, Visibility, limits,
};
use std::collections::HashSet;

/// A group to create, its members by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGroup {
    /// Shown in lists; `None` for the members' names.
    pub name: Option<ConversationName>,
    /// Whether strangers may find and join it.
    pub visibility: Visibility,
    /// Everyone besides the creator.
    pub members: Vec<Username>,
}

impl Chat {
    /// Creates a group that the caller owns.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `members` if one of them does not exist or there are too many, [`Error::Forbidden`] if one
    /// of them cannot be [reached](crate::rules::reach) or is in too many conversations.
    pub async fn create_group(
        &self,
        caller: impl Into<Caller>,
        group: NewGroup,
    ) -> Result<ConversationDetails<MemberView>, Error> {
        let members = self.members_named(&group.members).await?;
        let new = NewConversation::Group { name: group.name, visibility: group.visibility, members };
        let (conversation, members) = created(self.change(caller.into(), Action::Create(new)).await?)?;
        Ok(ConversationDetails::new(conversation, members.into_iter().map(MemberView::from).collect()))
    }

    /// The one direct conversation of two users, and whether it was created just now.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown user, [`Error::Invalid`] for oneself, [`Error::Forbidden`] if there is none yet and
    /// the other cannot be [reached](crate::rules::reach).
    pub async fn direct(&self, caller: impl Into<Caller>, other: UserId) -> Result<(Conversation, bool), Error> {
        let appended = self.change(caller.into(), Action::Create(NewConversation::Direct(other))).await?;
        let is_new = appended.is_new;
        Ok((created(appended)?.0, is_new))
    }

    /// The same on the way to something else, which has counted it.
    pub(super) async fn direct_uncounted(&self, caller: Caller, other: UserId) -> Result<ConversationId, Error> {
        let appended = self.change_uncounted(caller, Action::Create(NewConversation::Direct(other))).await?;
        Ok(created(appended)?.0.id)
    }

    /// Lists the caller's conversations, newest activity first; see [`crate::ConversationStorage::list_conversations`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away, [`Error::RateLimited`].
    pub async fn conversations(
        &self,
        user: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<Summary>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        Ok(self.inner.storage.list_conversations(user, kind, before, limit).await?)
    }

    /// Reads one conversation with its first members.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member.
    pub async fn conversation(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<ConversationDetails<MemberView>, Error> {
        let found = self.inner.storage.find_conversation(user, conversation).await?;
        let found = found.ok_or(Error::NotFound("conversation"))?;
        let listed = limits::MEMBERS_LISTED_MAX;
        let members = self.inner.storage.list_members(user, conversation, None, listed).await?;
        let members = members.ok_or(Error::NotFound("conversation"))?.map(MemberView::from);
        Ok(ConversationDetails::new(found, members.items))
    }

    /// Lists a conversation's members in the order they joined, at most `limit`.
    ///
    /// # Errors
    /// [`Error::NotFound`] unless the caller is a member.
    pub async fn members(
        &self,
        user: UserId,
        conversation: ConversationId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<MemberView>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        let members = self.inner.storage.list_members(user, conversation, after, limit).await?;
        Ok(members.ok_or(Error::NotFound("conversation"))?.map(MemberView::from))
    }

    /// Finds a public group, as strangers see it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn public_group(&self, group: ConversationId) -> Result<GroupListing, Error> {
        self.inner.storage.find_public_group(group).await?.ok_or(Error::NotFound("conversation"))
    }

    /// Lists public groups by rising id for a user; see [`crate::ConversationStorage::list_public_groups`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the storage is away, [`Error::RateLimited`].
    pub async fn public_groups(
        &self,
        user: UserId,
        search: Option<&Search>,
        after: Option<ConversationId>,
        limit: u32,
    ) -> Result<Page<GroupListing>, Error> {
        let _turn = self.inner.rates.turn_to_read(user).await?;
        Ok(self.inner.storage.list_public_groups(search, after, limit).await?)
    }

    /// Changes a group's name or visibility; `None` leaves it as it is. Whether anything changed is in the answer.
    ///
    /// # Errors
    /// As [`crate::rules::update`].
    pub async fn update_group(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
        name: Option<ConversationName>,
        visibility: Option<Visibility>,
    ) -> Result<Appended, Error> {
        self.change(caller.into(), Action::Update { conversation, name, visibility }).await
    }

    /// Deletes a group with all that was said in it.
    ///
    /// # Errors
    /// As [`crate::rules::delete_conversation`].
    pub async fn delete_group(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
    ) -> Result<Appended, Error> {
        self.change(caller.into(), Action::DeleteConversation { conversation }).await
    }

    /// Brings a user into a group, or gives a member another role.
    ///
    /// # Errors
    /// As [`crate::rules::add_member`].
    pub async fn add_member(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
        user: UserId,
        role: Option<Role>,
    ) -> Result<Appended, Error> {
        self.change(caller.into(), Action::AddMember { conversation, user, role }).await
    }

    /// Puts a member out of a group.
    ///
    /// # Errors
    /// As [`crate::rules::remove_member`].
    pub async fn remove_member(
        &self,
        caller: impl Into<Caller>,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Appended, Error> {
        self.change(caller.into(), Action::RemoveMember { conversation, user }).await
    }

    /// Joins a public group.
    ///
    /// # Errors
    /// As [`crate::rules::add_member`].
    pub async fn join(&self, caller: impl Into<Caller>, conversation: ConversationId) -> Result<Appended, Error> {
        let caller = caller.into();
        let user = caller.user;
        self.add_member(caller, conversation, user, None).await
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// As [`crate::rules::remove_member`].
    pub async fn leave(&self, caller: impl Into<Caller>, conversation: ConversationId) -> Result<Appended, Error> {
        let caller = caller.into();
        let user = caller.user;
        self.remove_member(caller, conversation, user).await
    }

    /// Whether a user is in a conversation, and as what.
    ///
    /// # Errors
    /// [`Error::NotFound`] if they are not.
    pub async fn membership(&self, user: UserId, conversation: ConversationId) -> Result<Member, Error> {
        self.inner.storage.find_member(conversation, user).await?.ok_or(Error::NotFound("conversation"))
    }

    async fn members_named(&self, names: &[Username]) -> Result<Vec<UserId>, Error> {
        if names.len() > limits::MEMBERS_AT_CREATION_MAX {
            let sentence = format!("must be at most {} when a group is created", limits::MEMBERS_AT_CREATION_MAX);
            return Err(Error::invalid("members", sentence));
        }
        let users = self.inner.storage.find_users(names).await?;
        let found: HashSet<_> = users.iter().map(|user| user.username.key()).collect();
        match names.iter().find(|name| !found.contains(&name.key())) {
            Some(unknown) => Err(Error::invalid("members", format!("names nobody: {unknown}"))),
            None => Ok(in_order(names, &users)),
        }
    }
}

/// The ids of `users` in the order of `names`.
fn in_order(names: &[Username], users: &[crate::User]) -> Vec<UserId> {
    let ids: std::collections::HashMap<_, _> = users.iter().map(|user| (user.username.key(), user.id)).collect();
    names.iter().filter_map(|name| ids.get(&name.key()).copied()).collect()
}

fn created(appended: Appended) -> Result<(Conversation, Vec<Member>), Error> {
    match appended.events.into_iter().next().map(|event| event.kind) {
        Some(EventKind::Created(conversation, members)) => Ok((conversation, members)),
        _ => Err(Error::Unavailable),
    }
}
