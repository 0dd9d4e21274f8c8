//! Read marks, many at once. The rule: a mark stands at a message, and only moves to a later one.

use super::NO_MESSAGE;
use crate::{Done, Fields, Transaction};
use chat_core::{
    Action, Appended, Change, ConversationId, Event, EventKind, MessageId, Seq, StorageError, UserId, Username,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A message that a user says they have read.
pub type Wanted = (UserId, MessageId);

/// Where such a message stands, and where the user's mark stood before.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it was sent.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// The user's name.
    pub username: Username,
    /// The message at the mark.
    pub marked: Option<MessageId>,
    /// The place of the mark.
    pub marked_seq: Seq,
    /// Whether it is a direct conversation of two of whom one is closed to the other.
    pub is_apart: bool,
}

/// Reads such a message and its reader, then where both stand: its conversation and `seq`, the reader's name, the message at the
/// mark and its place.
///
/// # Errors
/// If the row holds something else.
pub fn standing(row: &mut Fields<'_>) -> sqlx::Result<(Wanted, Step)> {
    let wanted = (row.id()?, row.id()?);
    let (conversation, seq) = (row.id()?, row.id()?);
    let username = row.text(Username::from_stored)?;
    let (marked, marked_seq, is_apart) = (row.optional_id()?, row.id()?, row.flag()?);
    Ok((wanted, Step { conversation, seq, username, marked, marked_seq, is_apart }))
}

/// The marks of a run, as those before in it have moved them.
type Marks = HashMap<(UserId, ConversationId), (Option<MessageId>, Seq)>;

pub(super) async fn store(
    transaction: &mut impl Transaction,
    run: &[Change],
) -> Done<Vec<Result<Appended, StorageError>>> {
    let wanted: HashSet<Wanted> = run.iter().flat_map(|change| named(change).map(|id| (change.actor, id))).collect();
    let wanted: Vec<Wanted> = wanted.into_iter().collect();
    let steps: HashMap<Wanted, Step> = transaction.standings(&wanted).await?.into_iter().collect();
    let mut marks = Marks::new();
    let mut moved = HashSet::new();
    let results = run.iter().map(|change| mark_read(change, &steps, &mut marks, &mut moved)).collect();
    let moves: Vec<_> = moved
        .into_iter()
        .filter_map(|(user, conversation)| match marks.get(&(user, conversation)) {
            Some((Some(message), seq)) => Some((user, conversation, *message, *seq)),
            _ => None,
        })
        .collect();
    if !moves.is_empty() {
        transaction.move_marks(&moves).await?;
    }
    Ok(results)
}

fn named(change: &Change) -> impl Iterator<Item = MessageId> {
    let messages = if let Action::MarkRead { messages } = &change.action { messages.as_slice() } else { &[] };
    messages.iter().copied()
}

/// Moves the marks of one change, or refuses it if the actor does not see one of the messages.
fn mark_read(
    change: &Change,
    steps: &HashMap<Wanted, Step>,
    marks: &mut Marks,
    moved: &mut HashSet<(UserId, ConversationId)>,
) -> Result<Appended, StorageError> {
    let actor = change.actor;
    // The newest of each conversation.
    let mut newest: BTreeMap<ConversationId, (MessageId, &Step)> = BTreeMap::new();
    for message in named(change) {
        let step = steps.get(&(actor, message)).ok_or(NO_MESSAGE)?;
        let best = newest.entry(step.conversation).or_insert((message, step));
        if step.seq > best.1.seq {
            *best = (message, step);
        }
    }
    let event = |message, step: &Step| Event {
        conversation: step.conversation,
        seq: None,
        by: step.username.clone(),
        kind: EventKind::Read { user: actor, message, is_private: step.is_apart },
    };
    let (mut news, mut known) = (vec![], vec![]);
    for (conversation, (message, step)) in newest {
        let mark = marks.entry((actor, conversation)).or_insert((step.marked, step.marked_seq));
        if step.seq > mark.1 {
            *mark = (Some(message), step.seq);
            moved.insert((actor, conversation));
            news.push(event(message, step));
        } else {
            known.push(event(mark.0.unwrap_or(message), step));
        }
    }
    let is_new = !news.is_empty();
    Ok(Appended { events: if is_new { news } else { known }, is_new })
}
