//! Defects of deletion: words and names that stay readable, and deletions that happen twice.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, gap, news, outcomes};
use async_trait::async_trait;
use chat_core::{
    Action, Change, Conversation, ConversationId, ConversationName, ConversationStorage, Event, EventKind, Kind,
    MemoryStorage, Message, MessageId, NewUser, Page, Seq, StorageError, Summary, Timeline, User, UserId, UserStorage, Username,
};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<WordsStayInEvents>(
            "events keep the words of deleted messages",
            "a_deleted_message_loses_its_words_everywhere",
        ),
        Case::of::<WordsStayInTheList>(
            "the list of conversations keeps the words of a deleted message",
            "a_deleted_message_loses_its_words_everywhere",
        ),
        Case::of::<EditsRevive>(
            "an edit that began before the deletion puts words back",
            "nothing_is_edited_into_a_message_deleted_at_once",
        ),
        Case::of::<DeletedTwice>("deleting a message again is news", "deleting_a_message_again_is_not_new"),
        Case::of::<AuthorsKeepTheirNames>(
            "messages keep the name of a deleted user",
            "messages_of_a_deleted_user_are_named_after_nobody",
        ),
        Case::of::<NamesStayTaken>(
            "the name of a deleted user stays taken",
            "name_and_address_of_a_deleted_user_are_free",
        ),
        Case::of::<GroupsKeepTheName>(
            "a group called after its members keeps the name of a deleted one",
            "a_group_called_after_its_members_loses_the_name_of_a_deleted_user",
        ),
    ]
}

/// Messages as they were sent.
#[derive(Default)]
struct Sent(Notes<MessageId, Message>);

impl Sent {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let results = inner.append(batch).await?;
        for event in news(&results) {
            if let EventKind::Sent(message) = &event.kind {
                self.0.put(message.id, message.clone());
            }
        }
        Ok(results)
    }

    fn words(&self, message: &Message) -> String {
        self.0.find(&message.id).map_or_else(String::new, |sent| sent.content)
    }
}

#[derive(Default)]
struct WordsStayInEvents(Sent);

#[async_trait]
impl Defect for WordsStayInEvents {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn events_after(
        &self,
        inner: &MemoryStorage,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Stored<Page<Event>> {
        let mut page = inner.events_after(conversation, after, limit).await?;
        for event in &mut page.items {
            if let EventKind::Sent(message) = &mut event.kind {
                message.content = self.0.words(message);
            }
        }
        Ok(page)
    }
}

#[derive(Default)]
struct WordsStayInTheList(Sent);

#[async_trait]
impl Defect for WordsStayInTheList {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn list_conversations(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        kind: Option<Kind>,
        before: Option<i64>,
        limit: u32,
    ) -> Stored<Page<Summary>> {
        let mut page = inner.list_conversations(viewer, kind, before, limit).await?;
        for message in page.items.iter_mut().filter_map(|summary| summary.last_message.as_mut()) {
            message.content = self.0.words(message);
        }
        Ok(page)
    }
}

#[derive(Default)]
struct EditsRevive {
    revived: Notes<MessageId, String>,
}

#[async_trait]
impl Defect for EditsRevive {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut had_words = vec![];
        for change in batch {
            had_words.push(match &change.action {
                Action::Edit { message, .. } => inner.find_message(change.actor, *message).await?,
                _ => None,
            });
        }
        gap().await;
        let results = inner.append(batch).await?;
        for ((change, result), found) in batch.iter().zip(&results).zip(had_words) {
            if let (Action::Edit { message, content }, Err(StorageError::Conflict { .. })) = (&change.action, result)
                && found.is_some_and(|found| !found.deleted)
            {
                self.revived.put(*message, content.as_str().to_owned());
            }
        }
        Ok(results)
    }

    async fn find_message(&self, inner: &MemoryStorage, viewer: UserId, id: MessageId) -> Stored<Option<Message>> {
        let found = inner.find_message(viewer, id).await?;
        Ok(found.map(|message| Message { content: self.revived.find(&id).unwrap_or(message.content), ..message }))
    }
}

#[derive(Default)]
struct DeletedTwice;

#[async_trait]
impl Defect for DeletedTwice {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            if let (Action::Delete { .. }, Ok(appended)) = (&change.action, result) {
                appended.is_new = true;
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AuthorsKeepTheirNames(Sent);

#[async_trait]
impl Defect for AuthorsKeepTheirNames {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        self.0.append(inner, batch).await
    }

    async fn find_message(&self, inner: &MemoryStorage, viewer: UserId, id: MessageId) -> Stored<Option<Message>> {
        let found = inner.find_message(viewer, id).await?;
        let sent = self.0.0.find(&id);
        Ok(found.zip(sent).map(|(found, sent)| Message { sender_username: sent.sender_username, ..found }))
    }
}

#[derive(Default)]
struct NamesStayTaken {
    names: Notes<UserId, Username>,
    gone: Notes<Username>,
}

#[async_trait]
impl Defect for NamesStayTaken {
    async fn insert_user(&self, inner: &MemoryStorage, user: NewUser) -> Stored<User> {
        if self.gone.has(&user.username) {
            return Err(StorageError::Conflict { field: "username", message: "this username is taken" });
        }
        let user = inner.insert_user(user).await?;
        self.names.put(user.id, user.username.clone());
        Ok(user)
    }

    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results) {
            if let (Action::DeleteUser { user }, Ok(_)) = (&change.action, result) {
                self.names.take(user).into_iter().for_each(|name| self.gone.put(name, ()));
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct GroupsKeepTheName {
    names: Notes<ConversationId, ConversationName>,
}

#[async_trait]
impl Defect for GroupsKeepTheName {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        for change in batch {
            if let Action::DeleteUser { user } = &change.action {
                for summary in inner.list_conversations(*user, Some(Kind::Group), None, 100).await?.items {
                    self.names.put(summary.conversation.id, summary.conversation.name);
                }
            }
        }
        inner.append(batch).await
    }

    async fn find_conversation(
        &self,
        inner: &MemoryStorage,
        viewer: UserId,
        conversation: ConversationId,
    ) -> Stored<Option<Conversation>> {
        let found = inner.find_conversation(viewer, conversation).await?;
        let name = self.names.find(&conversation);
        Ok(found.map(|found| Conversation { name: name.unwrap_or(found.name.clone()), ..found }))
    }
}
