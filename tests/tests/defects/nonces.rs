//! Defects of nonces: messages stored twice, and answers that belong to others.

use crate::broken::{Case, Defect, Results, Stored};
use crate::notes::{Notes, gap, nonce, outcomes, with_nonce, said};
use async_trait::async_trait;
use chat_core::{Appended, Change, Event, MemoryStorage, Nonce, StorageError, Timeline, UserId};

pub(crate) fn defects() -> Vec<Case> {
    vec![
        Case::of::<LookedUpTooEarly>(
            "a nonce is looked up before the transaction that stores it",
            "a_nonce_used_at_once_stores_one_message",
        ),
        Case::of::<GoneWithTheWords>(
            "a nonce is forgotten with the words of its message",
            "the_nonce_of_a_deleted_message_returns_it_without_words",
        ),
        Case::of::<SharedByAllSenders>("all senders share their nonces", "a_nonce_belongs_to_its_sender"),
        Case::of::<ComparedWithoutCase>("nonces are compared without case", "nonces_are_told_apart_to_the_byte"),
        Case::of::<AnswersAnyMessage>("a nonce answers any message that bears it", "a_nonce_is_no_second_message"),
        Case::of::<AnswersAnyone>(
            "a nonce answers its sender even after they left",
            "a_nonce_opens_nothing_to_a_former_member",
        ),
        Case::of::<AnswersAsItWas>(
            "a nonce answers with the message as it was sent",
            "the_nonce_of_an_edited_message_returns_it_as_it_is_now",
        ),
    ]
}

/// The messages stored under nonces, as they were sent.
#[derive(Default)]
struct Sent(Notes<(UserId, Nonce), Event>);

impl Sent {
    fn note(&self, batch: &[Change], results: &Results) {
        for (change, result) in batch.iter().zip(results) {
            if let (Some(nonce), Ok(Appended { events, is_new: true })) = (nonce(change), result) {
                self.0.put(nonce, events[0].clone());
            }
        }
    }

    fn under(&self, change: &Change) -> Option<Event> {
        self.0.find(&nonce(change)?)
    }
}

#[derive(Default)]
struct LookedUpTooEarly(Sent);

#[async_trait]
impl Defect for LookedUpTooEarly {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let was_free: Vec<_> = batch.iter().map(|change| self.0.under(change).is_none()).collect();
        gap().await;
        let mut changes = batch.to_vec();
        for (change, was_free) in changes.iter_mut().zip(was_free) {
            if was_free && self.0.under(change).is_some() {
                *change = with_nonce(change, None);
            }
        }
        let results = inner.append(&changes).await?;
        self.0.note(&changes, &results);
        Ok(results)
    }
}

#[derive(Default)]
struct GoneWithTheWords(Sent);

#[async_trait]
impl Defect for GoneWithTheWords {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut changes = vec![];
        for change in batch {
            let is_gone = match self.0.under(change).as_ref().and_then(said) {
                Some(sent) => inner.find_message(change.actor, sent.id).await?.is_some_and(|message| message.deleted),
                None => false,
            };
            changes.push(if is_gone { with_nonce(change, None) } else { change.clone() });
        }
        let results = inner.append(&changes).await?;
        self.0.note(&changes, &results);
        Ok(results)
    }
}

#[derive(Default)]
struct SharedByAllSenders(Notes<Nonce, UserId>);

#[async_trait]
impl Defect for SharedByAllSenders {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        for (change, result) in outcomes(batch, &mut results).filter(|(_, result)| result.is_ok()) {
            let Some((sender, nonce)) = nonce(change) else { continue };
            if self.0.with(|first| *first.entry(nonce).or_insert(sender)) != sender {
                *result = Err(StorageError::Conflict { field: "nonce", message: "this nonce names another message" });
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct ComparedWithoutCase(Notes<(UserId, String), Nonce>);

#[async_trait]
impl Defect for ComparedWithoutCase {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let first = |(sender, nonce): (UserId, Nonce)| {
            self.0.with(|first| first.entry((sender, nonce.as_str().to_lowercase())).or_insert(nonce).clone())
        };
        let batch: Vec<_> = batch.iter().map(|change| with_nonce(change, nonce(change).map(first))).collect();
        inner.append(&batch).await
    }
}

#[derive(Default)]
struct AnswersAnyMessage(Sent);

#[async_trait]
impl Defect for AnswersAnyMessage {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        self.0.note(batch, &results);
        for (change, result) in outcomes(batch, &mut results) {
            if let (Err(StorageError::Conflict { field: "nonce", .. }), Some(sent)) = (&result, self.0.under(change)) {
                *result = Ok(Appended::before(sent));
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AnswersAnyone(Sent);

#[async_trait]
impl Defect for AnswersAnyone {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        self.0.note(batch, &results);
        for (change, result) in outcomes(batch, &mut results) {
            if let (Err(StorageError::NotFound(_)), Some(sent)) = (&result, self.0.under(change)) {
                *result = Ok(Appended::before(sent));
            }
        }
        Ok(results)
    }
}

#[derive(Default)]
struct AnswersAsItWas(Sent);

#[async_trait]
impl Defect for AnswersAsItWas {
    async fn append(&self, inner: &MemoryStorage, batch: &[Change]) -> Stored<Results> {
        let mut results = inner.append(batch).await?;
        self.0.note(batch, &results);
        for (change, result) in outcomes(batch, &mut results) {
            if let (Ok(Appended { is_new: false, .. }), Some(sent)) = (&result, self.0.under(change)) {
                *result = Ok(Appended::before(sent));
            }
        }
        Ok(results)
    }
}
