//! Messages, read marks and the log of events. The rule: a change is refused before anything is touched.

use super::{MemoryStorage, NO_MESSAGE, State, Stored, StoredConversation};
use crate::{
    Action, Appended, Change, Content, ConversationId, ConversationName, Draft, Epoch, Event, EventKind, History,
    Message, MessageId, Nonce, Page, Role, Seq, StorageError, Timeline, Timestamp, UserId, Visibility, rules,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// What the log keeps of an event: no words and no names, which are looked up when it is read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) by: UserId,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Sent(MessageId),
    Edited(MessageId),
    Deleted(MessageId),
    Updated(ConversationName, Visibility),
    MemberAdded(UserId, Role),
    MemberRemoved { user: UserId, messages_deleted: bool },
}

#[async_trait]
impl Timeline for MemoryStorage {
    async fn append(&self, batch: &[Change]) -> Result<Vec<Result<Appended, StorageError>>, StorageError> {
        let mut state = self.state();
        Ok(batch.iter().map(|change| state.apply(change)).collect())
    }

    async fn epoch(&self) -> Result<Epoch, StorageError> {
        Ok(self.epoch.clone())
    }

    async fn events_after(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, StorageError> {
        let state = self.state();
        let Ok(stored) = state.conversation(conversation) else { return Ok(Page { items: vec![], next: None }) };
        let skipped = usize::try_from(after.get()).unwrap_or(usize::MAX);
        let entries = stored.log.iter().enumerate().skip(skipped).take(limit as usize + 1);
        let page = Page::cut(entries.collect(), limit, |(index, _)| place(*index).get());
        Ok(page.map(|(index, entry)| state.event(stored, place(index), entry)))
    }

    async fn find_message(&self, viewer: UserId, message: MessageId) -> Result<Option<Message>, StorageError> {
        let state = self.state();
        let found = state.message(message).filter(|(stored, _)| stored.members.contains_key(&viewer));
        Ok(found.map(|(_, message)| message.clone()))
    }

    async fn list_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Option<Page<Message>>, StorageError> {
        let state = self.state();
        let Some(stored) = state.seen_by(viewer, conversation) else { return Ok(None) };
        let (messages, most) = (&stored.messages, limit as usize + 1);
        let found = match history {
            History::Latest => messages.values().rev().take(most).cloned().collect(),
            History::Before(id) => messages.range(..id).rev().take(most).map(|(_, message)| message.clone()).collect(),
            History::Oldest => messages.values().take(most).cloned().collect(),
            History::After(id) => {
                messages.range((Excluded(id), Unbounded)).take(most).map(|(_, message)| message.clone()).collect()
            }
        };
        Ok(Some(Page::cut(found, limit, |message| message.id.get())))
    }
}

impl State {
    /// Carries out one change, or refuses it before anything is touched.
    fn apply(&mut self, change: &Change) -> Stored<Appended> {
        let Change { actor, at, action } = change;
        match action {
            Action::Create(new) => self.create(*actor, new, *at),
            Action::Send { conversation, draft } => self.send(*actor, *conversation, draft, *at),
            Action::Edit { message, content } => self.edit(*actor, *message, content, *at),
            Action::Delete { message } => self.delete(*actor, *message),
            Action::Update { conversation, name, visibility } => {
                self.update(*actor, *conversation, name.as_ref(), *visibility)
            }
            Action::AddMember { conversation, user, role } => self.add_member(*actor, *conversation, *user, *role, *at),
            Action::RemoveMember { conversation, user } => self.remove_member(*actor, *conversation, *user, *at),
            Action::DeleteConversation { conversation } => self.delete_conversation(*actor, *conversation, *at),
            Action::MarkRead { messages } => self.mark_read(*actor, messages),
            Action::DeleteUser { user } => self.delete_user(*actor, *user, *at),
        }
    }

    fn send(&mut self, actor: UserId, conversation: ConversationId, draft: &Draft, at: Timestamp) -> Stored<Appended> {
        let stored = self.conversation(conversation)?;
        rules::send(stored.role(actor))?;
        if let Some(known) = draft.nonce.as_ref().and_then(|nonce| self.sent_under(actor, nonce)) {
            rules::replay(known, conversation, draft)?;
            return Ok(Appended::before(sent(known)));
        }
        rules::reach(self.reach_in(stored, actor))?;
        rules::reply(draft, |message| stored.messages.contains_key(&message))?;
        let message = self.put_message(actor, conversation, draft, at)?;
        Ok(Appended::now(vec![self.record(conversation, actor, What::Sent(message))?]))
    }

    fn sent_under(&self, actor: UserId, nonce: &Nonce) -> Option<&Message> {
        let message = self.nonces.get(&(actor, nonce.clone()))?;
        self.message(*message).map(|(_, message)| message)
    }

    fn put_message(
        &mut self,
        sender: UserId,
        conversation: ConversationId,
        draft: &Draft,
        sent_at: Timestamp,
    ) -> Stored<MessageId> {
        let id = self.message_ids.draw_id();
        let activity = self.activities.draw();
        let sender_username = self.name(sender);
        let stored = self.conversation_mut(conversation)?;
        let message = Message {
            id,
            conversation,
            seq: stored.conversation.last_seq.next(),
            sender,
            sender_username,
            content: draft.content.as_str().to_owned(),
            reply_id: draft.reply_id,
            nonce: draft.nonce.clone(),
            sent_at,
            edited_at: None,
            deleted: false,
        };
        stored.activity = activity;
        stored.messages.insert(id, message);
        self.homes.insert(id, conversation);
        self.nonces.extend(draft.nonce.clone().map(|nonce| ((sender, nonce), id)));
        Ok(id)
    }

    fn edit(&mut self, actor: UserId, id: MessageId, content: &Content, at: Timestamp) -> Stored<Appended> {
        let (stored, message) = self.message(id).ok_or(NO_MESSAGE)?;
        rules::edit(actor, stored.role(actor), message)?;
        rules::reach(self.reach_in(stored, actor))?;
        let conversation = message.conversation;
        if let Some(message) = self.conversation_mut(conversation)?.messages.get_mut(&id) {
            message.content = content.as_str().to_owned();
            message.edited_at = Some(at);
        }
        Ok(Appended::now(vec![self.record(conversation, actor, What::Edited(id))?]))
    }

    fn delete(&mut self, actor: UserId, id: MessageId) -> Stored<Appended> {
        let (stored, message) = self.message(id).ok_or(NO_MESSAGE)?;
        rules::delete(actor, stored.role(actor), message)?;
        if message.deleted {
            return Ok(Appended::before(self.deletion(stored, message)));
        }
        let conversation = message.conversation;
        if let Some(message) = self.conversation_mut(conversation)?.messages.get_mut(&id) {
            empty(message);
        }
        Ok(Appended::now(vec![self.record(conversation, actor, What::Deleted(id))?]))
    }

    /// The event by which a message was deleted; one without a place if it went with its author.
    fn deletion(&self, stored: &StoredConversation, message: &Message) -> Event {
        let is_it = |entry: &Entry| matches!(entry.what, What::Deleted(id) if id == message.id);
        match stored.log.iter().position(is_it) {
            Some(index) => self.event(stored, place(index), &stored.log[index]),
            None => Event {
                conversation: message.conversation,
                seq: None,
                by: message.sender_username.clone(),
                kind: EventKind::Deleted(message.clone()),
            },
        }
    }

    fn mark_read(&mut self, actor: UserId, messages: &[MessageId]) -> Stored<Appended> {
        let mut newest = BTreeMap::new();
        for id in messages {
            let (stored, message) = self.message(*id).ok_or(NO_MESSAGE)?;
            stored.role(actor).ok_or(NO_MESSAGE)?;
            let mark = newest.entry(message.conversation).or_insert(*id);
            *mark = (*mark).max(*id);
        }
        let marks = newest.into_iter().map(|(conversation, message)| self.move_mark(actor, conversation, message));
        let marks = marks.collect::<Stored<Vec<_>>>()?;
        let is_new = marks.iter().any(|(_, moved)| *moved);
        let events = marks.into_iter().filter(|(_, moved)| *moved == is_new).map(|(event, _)| event).collect();
        Ok(Appended { events, is_new })
    }

    /// The mark as it is now, and whether it moved.
    fn move_mark(&mut self, user: UserId, conversation: ConversationId, message: MessageId) -> Stored<(Event, bool)> {
        let by = self.name(user);
        let is_private = self.is_split(self.conversation(conversation)?);
        let member = self.conversation_mut(conversation)?.members.get_mut(&user).ok_or(NO_MESSAGE)?;
        let moved = member.read_up_to < Some(message);
        let mark = member.read_up_to.map_or(message, |mark| mark.max(message));
        member.read_up_to = Some(mark);
        let kind = EventKind::Read { user, message: mark, is_private };
        Ok((Event { conversation, seq: None, by, kind }, moved))
    }

    /// Gives what happened the next place of its conversation.
    pub(super) fn record(&mut self, conversation: ConversationId, by: UserId, what: What) -> Stored<Event> {
        let stored = self.conversation_mut(conversation)?;
        let seq = stored.conversation.last_seq.next();
        stored.conversation.last_seq = seq;
        stored.log.push(Entry { by, what });
        let stored = self.conversation(conversation)?;
        Ok(self.event(stored, seq, &stored.log[stored.log.len() - 1]))
    }

    /// Reads an entry with its words and names as they are now.
    fn event(&self, stored: &StoredConversation, seq: Seq, entry: &Entry) -> Event {
        let kind = match &entry.what {
            What::Sent(message) => EventKind::Sent(stored.messages[message].clone()),
            What::Edited(message) => EventKind::Edited(stored.messages[message].clone()),
            What::Deleted(message) => EventKind::Deleted(stored.messages[message].clone()),
            What::Updated(name, visibility) => EventKind::Updated(name.clone(), *visibility),
            What::MemberAdded(user, role) => {
                EventKind::MemberAdded { user: *user, username: self.name(*user), role: *role }
            }
            What::MemberRemoved { user, messages_deleted } => EventKind::MemberRemoved {
                user: *user,
                username: self.name(*user),
                messages_deleted: *messages_deleted,
            },
        };
        Event { conversation: stored.conversation.id, seq: Some(seq), by: self.name(entry.by), kind }
    }
}

/// A message as the event of its sending.
fn sent(message: &Message) -> Event {
    Event {
        conversation: message.conversation,
        seq: Some(message.seq),
        by: message.sender_username.clone(),
        kind: EventKind::Sent(message.clone()),
    }
}

/// Takes a message its words; its place stays.
pub(super) fn empty(message: &mut Message) {
    message.content.clear();
    message.deleted = true;
}

/// The place of the log entry at `index`.
fn place(index: usize) -> Seq {
    i64::try_from(index + 1).ok().and_then(|seq| seq.try_into().ok()).unwrap_or_default()
}
