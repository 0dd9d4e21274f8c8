//! The changes to conversations as a whole and to who is in them. The rule: [`rules`] decides, this file carries out.

use super::timeline::{What, empty};
use super::{NO_USER, State, Stored, StoredConversation, StoredMember};
use crate::rules::{self, Effect, Reach, Situation, Target};
use crate::{
    Appended, Conversation, ConversationId, ConversationName, Event, EventKind, Kind, Message, NewConversation, Role,
    Seq, StorageError, Timestamp, UserId, Username, Visibility,
};
use std::collections::BTreeMap;

impl State {
    pub(super) fn create(&mut self, actor: UserId, new: &NewConversation, at: Timestamp) -> Stored<Appended> {
        if !self.users.contains_key(&actor) {
            return Err(NO_USER);
        }
        match new {
            NewConversation::Direct(other) => self.create_direct(actor, *other, at),
            NewConversation::Group { name, visibility, members } => {
                self.create_group(actor, name.clone(), *visibility, members, at)
            }
        }
    }

    fn create_direct(&mut self, actor: UserId, other: UserId, at: Timestamp) -> Stored<Appended> {
        if actor == other {
            return Err(StorageError::Invalid { field: "user_id", message: "must be someone else" });
        }
        if !self.users.contains_key(&other) {
            return Err(NO_USER);
        }
        let pair = (actor.min(other), actor.max(other));
        if let Some(known) = self.directs.get(&pair) {
            return Ok(Appended::before(self.creation(*known, actor)?));
        }
        rules::reach(self.reach(actor, other))?;
        let members = [(actor, Role::Member), (other, Role::Member)];
        let id = self.put_conversation(Kind::Direct, None, Visibility::Private, &members, at)?;
        self.directs.insert(pair, id);
        Ok(Appended::now(vec![self.creation(id, actor)?]))
    }

    fn create_group(
        &mut self,
        actor: UserId,
        name: Option<ConversationName>,
        visibility: Visibility,
        named: &[UserId],
        at: Timestamp,
    ) -> Stored<Appended> {
        let mut members = vec![(actor, Role::Owner)];
        for user in named {
            if !self.users.contains_key(user) {
                return Err(StorageError::Invalid { field: "members", message: "must all be users" });
            }
            if members.iter().all(|(member, _)| member != user) {
                rules::reach(self.reach(actor, *user))?;
                members.push((*user, Role::Member));
            }
        }
        let id = self.put_conversation(Kind::Group, name, visibility, &members, at)?;
        Ok(Appended::now(vec![self.creation(id, actor)?]))
    }

    fn put_conversation(
        &mut self,
        kind: Kind,
        name: Option<ConversationName>,
        visibility: Visibility,
        members: &[(UserId, Role)],
        created_at: Timestamp,
    ) -> Stored<ConversationId> {
        members.iter().try_for_each(|(user, _)| self.check_memberships(*user))?;
        let id = self.ids.draw_id();
        let usernames: Vec<Username> = members.iter().map(|(user, _)| self.name(*user)).collect();
        let name = name.unwrap_or_else(|| ConversationName::of_members(&usernames));
        let conversation =
            Conversation { id, kind, name, visibility, created_at, last_seq: Seq::ZERO, member_count: 0 };
        self.conversations.insert(id, StoredConversation::empty(conversation, self.activities.draw()));
        members.iter().try_for_each(|(user, role)| self.seat(id, *user, *role, created_at))?;
        Ok(id)
    }

    /// The creation as an event, which takes no place.
    fn creation(&self, id: ConversationId, by: UserId) -> Stored<Event> {
        let stored = self.conversation(id)?;
        let members = stored.joins.values().map(|user| self.member(*user, &stored.members[user])).collect();
        let kind = EventKind::Created(stored.conversation.clone(), members);
        Ok(Event { conversation: id, seq: None, by: self.name(by), kind })
    }

    pub(super) fn update(
        &mut self,
        actor: UserId,
        id: ConversationId,
        name: Option<&ConversationName>,
        visibility: Option<Visibility>,
    ) -> Stored<Appended> {
        let situation = self.situation(actor, id, None)?;
        let Some((name, visibility)) = rules::update(&situation, name, visibility)? else {
            let Conversation { name, visibility, .. } = situation.conversation;
            let kind = EventKind::Updated(name, visibility);
            return Ok(Appended::before(Event { conversation: id, seq: None, by: self.name(actor), kind }));
        };
        let stored = self.conversation_mut(id)?;
        stored.conversation.name = name.clone();
        stored.conversation.visibility = visibility;
        Ok(Appended::now(vec![self.record(id, actor, What::Updated(name, visibility))?]))
    }

    pub(super) fn add_member(
        &mut self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        role: Option<Role>,
        at: Timestamp,
    ) -> Stored<Appended> {
        let situation = self.situation(actor, id, Some(user))?;
        let effects = rules::add_member(actor, role, &situation)?;
        if effects.is_empty() {
            let role = self.conversation(id)?.role(user).unwrap_or_default();
            let kind = EventKind::MemberAdded { user, username: self.name(user), role };
            return Ok(Appended::before(Event { conversation: id, seq: None, by: self.name(actor), kind }));
        }
        if self.conversation(id)?.role(user).is_none() {
            self.check_memberships(user)?;
        }
        Ok(Appended::now(self.carry_out(id, actor, &effects, at)?))
    }

    pub(super) fn remove_member(
        &mut self,
        actor: UserId,
        id: ConversationId,
        user: UserId,
        at: Timestamp,
    ) -> Stored<Appended> {
        let effects = rules::remove_member(actor, &self.situation(actor, id, Some(user))?)?;
        Ok(Appended::now(self.carry_out(id, actor, &effects, at)?))
    }

    pub(super) fn delete_conversation(&mut self, actor: UserId, id: ConversationId, at: Timestamp) -> Stored<Appended> {
        let situation = self.situation(actor, id, None)?;
        let effects = rules::delete_conversation(&situation, self.is_administrator(actor))?;
        Ok(Appended::now(self.carry_out(id, actor, &effects, at)?))
    }

    pub(super) fn delete_user(&mut self, actor: UserId, user: UserId, at: Timestamp) -> Stored<Appended> {
        rules::delete_user(actor, self.is_administrator(actor), user)?;
        if !self.users.contains_key(&user) {
            return Err(NO_USER);
        }
        let traces = self.conversations.values().filter(|stored| stored.has_traces_of(user));
        let departures: Vec<_> = traces.map(|stored| (stored.conversation.id, stored.departure(user))).collect();
        let username = self.name(user);
        self.forget_user(user);
        let mut events = vec![];
        for (id, consequences) in departures {
            self.conversation_mut(id)?.empty_messages_of(user);
            self.unseat(id, user)?;
            let renamed = self.rename_without(id, user, &username)?;
            events.push(self.record(id, user, What::MemberRemoved { user, messages_deleted: true })?);
            if let Some(name) = renamed {
                let visibility = self.conversation(id)?.conversation.visibility;
                events.push(self.record(id, user, What::Updated(name, visibility))?);
            }
            events.extend(self.carry_out(id, user, &consequences, at)?);
        }
        Ok(Appended::now(events))
    }

    /// Takes the name of a deleted user out of that of a conversation which is called after its members, and returns that of
    /// a group: what a direct one is called then, everyone can tell.
    fn rename_without(
        &mut self,
        id: ConversationId,
        deleted: UserId,
        username: &Username,
    ) -> Stored<Option<ConversationName>> {
        let stored = self.conversation(id)?;
        let kind = stored.conversation.kind;
        let new = match (stored.conversation.kind, stored.heir(None)) {
            (Kind::Direct, Some(other)) => {
                Some(ConversationName::of_members(&[self.name(other), Username::of_deleted(deleted)]))
            }
            _ => stored.conversation.name.without(deleted, username),
        };
        if let Some(name) = &new {
            self.conversation_mut(id)?.conversation.name = name.clone();
        }
        Ok(new.filter(|_| kind == Kind::Group))
    }

    fn is_administrator(&self, actor: UserId) -> bool {
        self.user(actor).is_some_and(|user| user.is_admin)
    }

    /// What the rules need to know.
    fn situation(&self, actor: UserId, id: ConversationId, target: Option<UserId>) -> Stored<Situation> {
        let stored = self.conversation(id)?;
        let known = target.filter(|user| self.users.contains_key(user));
        Ok(Situation {
            conversation: stored.conversation.clone(),
            actor: stored.role(actor),
            target: known.map(|user| Target { user, role: stored.role(user), reach: self.reach(actor, user) }),
            heir: stored.heir(target),
        })
    }

    fn carry_out(&mut self, id: ConversationId, by: UserId, effects: &[Effect], at: Timestamp) -> Stored<Vec<Event>> {
        effects.iter().map(|effect| self.effect(id, by, *effect, at)).collect()
    }

    fn effect(&mut self, id: ConversationId, by: UserId, effect: Effect, at: Timestamp) -> Stored<Event> {
        match effect {
            Effect::PutMember(user, role) => {
                self.seat(id, user, role, at)?;
                self.record(id, by, What::MemberAdded(user, role))
            }
            Effect::RemoveMember(user) => {
                self.unseat(id, user)?;
                self.record(id, by, What::MemberRemoved { user, messages_deleted: false })
            }
            Effect::DeleteConversation => {
                self.remove_conversation(id);
                Ok(Event { conversation: id, seq: None, by: self.name(by), kind: EventKind::ConversationDeleted })
            }
        }
    }

    /// Gives a member a role; a newcomer has read everything there is.
    fn seat(&mut self, id: ConversationId, user: UserId, role: Role, at: Timestamp) -> Stored<()> {
        let join = self.joins.draw();
        let stored = self.conversation_mut(id)?;
        if let Some(member) = stored.members.get_mut(&user) {
            member.role = role;
            return Ok(());
        }
        let read_up_to = stored.messages.keys().next_back().copied();
        stored.members.insert(user, StoredMember { role, joined_at: at, join, read_up_to });
        stored.joins.insert(join, user);
        stored.conversation.member_count += 1;
        self.user_mut(user)?.conversations.insert(id);
        Ok(())
    }

    fn unseat(&mut self, id: ConversationId, user: UserId) -> Stored<()> {
        let stored = self.conversation_mut(id)?;
        if let Some(member) = stored.members.remove(&user) {
            stored.joins.remove(&member.join);
            stored.conversation.member_count -= 1;
        }
        if let Some(stored) = self.users.get_mut(&user) {
            stored.conversations.remove(&id);
        }
        Ok(())
    }

    fn remove_conversation(&mut self, id: ConversationId) {
        let Some(stored) = self.conversations.remove(&id) else { return };
        for user in stored.members.keys() {
            if let Some(user) = self.users.get_mut(user) {
                user.conversations.remove(&id);
            }
        }
        for (message, Message { sender, nonce, .. }) in stored.messages {
            self.homes.remove(&message);
            if let Some(nonce) = nonce {
                self.nonces.remove(&(sender, nonce));
            }
        }
        if stored.conversation.kind == Kind::Direct {
            self.directs.retain(|_, direct| *direct != id);
        }
    }

    fn check_memberships(&self, user: UserId) -> Stored<()> {
        rules::join(self.users.get(&user).map_or(0, |stored| stored.conversations.len() as u64))
    }
}

impl StoredConversation {
    fn empty(conversation: Conversation, activity: i64) -> Self {
        Self {
            conversation,
            activity,
            members: BTreeMap::new(),
            joins: BTreeMap::new(),
            messages: BTreeMap::new(),
            log: vec![],
        }
    }

    pub(super) fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).map(|member| member.role)
    }

    /// The longest-standing member besides `leaving`.
    fn heir(&self, leaving: Option<UserId>) -> Option<UserId> {
        self.joins.values().copied().find(|user| Some(*user) != leaving)
    }

    /// What follows when `user` is deleted, besides that they are no member any more.
    fn departure(&self, user: UserId) -> Vec<Effect> {
        let Some(role) = self.role(user) else { return vec![] };
        let situation = Situation {
            conversation: self.conversation.clone(),
            actor: Some(role),
            target: Some(Target { user, role: Some(role), reach: Reach::Open }),
            heir: self.heir(Some(user)),
        };
        let mut effects = rules::departure(&situation, user, role);
        effects.retain(|effect| *effect != Effect::RemoveMember(user));
        effects
    }

    fn has_traces_of(&self, user: UserId) -> bool {
        self.members.contains_key(&user) || self.messages.values().any(|message| message.sender == user)
    }

    fn empty_messages_of(&mut self, user: UserId) {
        for message in self.messages.values_mut().filter(|message| message.sender == user) {
            empty(message);
            message.sender_username = Username::of_deleted(user);
        }
    }
}
