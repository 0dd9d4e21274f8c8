//! The heart: what happens in conversations, in order. The rule: a batch is one transaction; what it does in which order is
//! told by [`chat_sql::timeline`].

use crate::PgStorage;
use crate::failure::Unfinished;
use crate::locks::Locks;
use crate::statements::Transaction;
use async_trait::async_trait;
use chat_core::{
    Action, Appended, Change, ConversationId, Epoch, Event, EventKind, History, Message, MessageId, NewConversation,
    Page, Seq, StorageError, Timeline, UserId,
};
use chat_sql::{Database, Done, sql, timeline};
use futures::FutureExt;
use futures::future::BoxFuture;

type Results = Vec<Result<Appended, StorageError>>;

#[async_trait]
impl Timeline for PgStorage {
    async fn append(&self, batch: &[Change]) -> Result<Results, StorageError> {
        match self.persist(&Locks::of(batch), &batch, store).await {
            Err(Unfinished::InDoubt(results, error)) => self.ask_again(batch, results, error).await,
            result => Ok(result?),
        }
    }

    /// A server that takes over from another, or is restored from a copy, may lack the last changes; Postgres then begins a
    /// new time line, and so does the epoch.
    async fn epoch(&self) -> Result<Epoch, StorageError> {
        let epoch = "SELECT epoch || '-' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM main.history";
        Ok(self.alone().fetch(sql!(epoch), |row| row.text(Epoch)).await?)
    }

    async fn events_after(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Event>, StorageError> {
        timeline::events_after(&mut self.alone(), conversation, after, limit).await
    }

    async fn find_message(&self, viewer: UserId, message: MessageId) -> Result<Option<Message>, StorageError> {
        timeline::find_message(&mut self.alone(), viewer, message).await
    }

    async fn list_messages(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        history: History,
        limit: u32,
    ) -> Result<Option<Page<Message>>, StorageError> {
        timeline::list_messages(&mut self.alone(), viewer, conversation, history, limit).await
    }
}

fn store<'t>(mut transaction: Transaction<'t>, batch: &'t &[Change]) -> BoxFuture<'t, Done<Results>> {
    async move { timeline::store(&mut transaction, batch).await }.boxed()
}

impl PgStorage {
    /// Asks again for what can be asked twice, after a commit whose answer was lost; of the rest nobody knows.
    async fn ask_again(&self, batch: &[Change], before: Results, error: sqlx::Error) -> Result<Results, StorageError> {
        tracing::warn!(%error, changes = batch.len(), "the answer to a commit was lost");
        let repeated: Vec<Change> = batch.iter().filter(|change| is_repeatable(&change.action)).cloned().collect();
        let mut again = self.persist(&Locks::of(&repeated), &repeated.as_slice(), store).await?.into_iter();
        let results = batch.iter().zip(before).map(|(change, before)| match is_repeatable(&change.action) {
            true => again.next().map_or_else(unknown, |again| first_told(before, again)),
            false => unknown(),
        });
        Ok(results.collect())
    }
}

/// Whether a change that was carried out can be asked for again, and leads to what is there then.
fn is_repeatable(action: &Action) -> bool {
    match action {
        Action::Send { draft, .. } => draft.nonce.is_some(),
        Action::Create(new) => matches!(new, NewConversation::Direct(_)),
        Action::Delete { .. } | Action::Update { .. } | Action::AddMember { .. } | Action::MarkRead { .. } => true,
        Action::Edit { .. }
        | Action::RemoveMember { .. }
        | Action::DeleteConversation { .. }
        | Action::DeleteUser { .. } => false,
    }
}

/// What was stored by the commit in doubt is news all the same: nobody was told of it.
fn first_told(
    before: Result<Appended, StorageError>,
    again: Result<Appended, StorageError>,
) -> Result<Appended, StorageError> {
    match (before, again) {
        (Ok(before), Ok(again)) if before.is_new && !again.is_new && same(&before, &again) => Ok(before),
        (_, again) => again,
    }
}

/// Whether both tell of the same: of a message by its id and its place, of everything else by what happened.
fn same(before: &Appended, again: &Appended) -> bool {
    match (before.events.as_slice(), again.events.as_slice()) {
        ([Event { kind: EventKind::Sent(one), .. }], [Event { kind: EventKind::Sent(other), .. }]) => {
            one.id == other.id && one.seq == other.seq
        }
        ([one, ..], [other, ..]) => one.kind == other.kind,
        _ => false,
    }
}

fn unknown() -> Result<Appended, StorageError> {
    Err(StorageError::Unavailable("the answer to the commit was lost".into()))
}
