//! A naive model of read marks, which a long random series of changes is compared with.

use super::support::*;
use crate::{Action, ConversationId, MessageId, Storage, UserId};
use std::collections::BTreeMap;

const STEPS: usize = 250;

/// Numbers that look random and are the same every time (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// What the model remembers of one group, whose owner never leaves.
struct Group {
    id: ConversationId,
    owner: UserId,
    messages: Vec<Sent>,
    marks: BTreeMap<UserId, Option<MessageId>>,
}

struct Sent {
    id: MessageId,
    sender: UserId,
    deleted: bool,
}

impl Group {
    fn unread(&self, member: UserId) -> usize {
        let mark = self.marks[&member];
        self.messages.iter().filter(|sent| Some(sent.id) > mark && sent.sender != member && !sent.deleted).count()
    }

    fn newest(&self) -> Option<MessageId> {
        self.messages.last().map(|sent| sent.id)
    }

    fn any_member(&self, dice: &mut Dice) -> UserId {
        *self.marks.keys().nth(dice.below(self.marks.len())).unwrap()
    }
}

/// Carries out random changes in two groups, and recounts what is unread after each few of them.
pub(super) async fn compare(storage: &dyn Storage, seed: u64) {
    let mut dice = Dice(seed);
    let people = people(storage, seed).await;
    let mut groups = [new_group(storage, &people).await, new_group(storage, &people).await];
    for step in 0..STEPS {
        let which = dice.below(groups.len());
        change(storage, &mut groups[which], &people, &mut dice).await;
        if step % 5 == 0 {
            recount(storage, &groups).await;
        }
    }
    recount(storage, &groups).await;
}

async fn people(storage: &dyn Storage, seed: u64) -> Vec<UserId> {
    let mut people = vec![];
    for name in ["ann", "bob", "cleo", "dora"] {
        people.push(user(storage, &format!("{name}{seed}")).await);
    }
    people
}

async fn new_group(storage: &dyn Storage, people: &[UserId]) -> Group {
    let id = group(storage, people[0], &people[1..]).await;
    let marks = people.iter().map(|user| (*user, None)).collect();
    Group { id, owner: people[0], messages: vec![], marks }
}

async fn change(storage: &dyn Storage, group: &mut Group, people: &[UserId], dice: &mut Dice) {
    match dice.below(12) {
        0..5 => send_one(storage, group, dice).await,
        5 => edit_one(storage, group, dice).await,
        6 => delete_one(storage, group, dice).await,
        7..10 => read_one(storage, group, dice).await,
        _ => come_or_go(storage, group, people, dice).await,
    }
}

async fn send_one(storage: &dyn Storage, group: &mut Group, dice: &mut Dice) {
    let sender = group.any_member(dice);
    let id = send(storage, sender, group.id, "hello").await.id;
    group.messages.push(Sent { id, sender, deleted: false });
}

async fn edit_one(storage: &dyn Storage, group: &Group, dice: &mut Dice) {
    let editable = |sent: &&Sent| !sent.deleted && group.marks.contains_key(&sent.sender);
    let editable: Vec<_> = group.messages.iter().filter(editable).collect();
    if !editable.is_empty() {
        let sent = editable[dice.below(editable.len())];
        perform(storage, sent.sender, editing(sent.id, "changed")).await;
    }
}

async fn delete_one(storage: &dyn Storage, group: &mut Group, dice: &mut Dice) {
    if group.messages.is_empty() {
        return;
    }
    let index = dice.below(group.messages.len());
    let sent = &mut group.messages[index];
    let appended = perform(storage, group.owner, Action::Delete { message: sent.id }).await;
    assert_eq!(appended.is_new, !sent.deleted);
    sent.deleted = true;
}

async fn read_one(storage: &dyn Storage, group: &mut Group, dice: &mut Dice) {
    if group.messages.is_empty() {
        return;
    }
    let (reader, index) = (group.any_member(dice), dice.below(group.messages.len()));
    let message = group.messages[index].id;
    let appended = perform(storage, reader, reading(&[message])).await;
    assert_eq!(appended.is_new, group.marks[&reader] < Some(message));
    let mark = group.marks[&reader].max(Some(message));
    group.marks.insert(reader, mark);
}

async fn come_or_go(storage: &dyn Storage, group: &mut Group, people: &[UserId], dice: &mut Dice) {
    let guest = people[1 + dice.below(people.len() - 1)];
    if group.marks.remove(&guest).is_some() {
        perform(storage, guest, removing(group.id, guest)).await;
    } else {
        perform(storage, group.owner, adding(group.id, guest)).await;
        group.marks.insert(guest, group.newest());
    }
}

async fn recount(storage: &dyn Storage, groups: &[Group]) {
    for group in groups {
        for (member, mark) in &group.marks {
            let summary = summary(storage, *member, group.id).await;
            assert_eq!((summary.read_up_to, summary.unread as usize), (*mark, group.unread(*member)));
        }
    }
}
