//! Who there is, and who says what where. The rule: it follows from the seed and the numbers alone.

use super::names::{FIRST, GROUPS, LAST};
use super::talk::{BETWEEN_TWO, Exchange, IN_GROUPS};
use fastrand::Rng;

/// Of ten exchanges, how many are in groups, where there are any.
const IN_GROUPS_OF_TEN: u8 = 6;
/// Members of a group at most: few enough to be known by their names.
const MEMBERS_MAX: usize = 12;
/// As many as an exchange needs.
const MEMBERS_MIN: usize = 3;

/// All that is going to happen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) people: Vec<Character>,
    pub(super) groups: Vec<Group>,
    pub(super) lines: Vec<Line>,
}

/// Someone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) username: String,
    pub(super) fullname: String,
}

/// A group, with its members as positions among the people; the first one owns it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) visibility: &'static str,
    pub(super) members: Vec<usize>,
    topic: usize,
}

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) speaker: usize,
    pub(super) content: &'static str,
    pub(super) is_answer: bool,
}

/// Where it is said: in a group, or to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Group(usize),
    Direct(usize),
}

impl Script {
    /// `people` are two at least, and not more than there are names.
    pub(super) fn new(seed: u64, people: usize, groups: usize, lines: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let people = characters(&mut rng, people);
        let groups = (0..groups).map(|number| group(&mut rng, number, people.len())).collect();
        let mut script = Self { people, groups, lines: vec![] };
        while script.lines.len() < lines {
            script.talk(&mut rng);
        }
        script.lines.truncate(lines);
        script
    }

    /// Lets a few people say a few lines.
    fn talk(&mut self, rng: &mut Rng) {
        if !self.groups.is_empty() && rng.u8(0..10) < IN_GROUPS_OF_TEN {
            let place = rng.usize(0..self.groups.len());
            let Group { members, topic, .. } = &self.groups[place];
            let speakers = some(rng, members.clone(), MEMBERS_MIN);
            let exchange = one_of(rng, IN_GROUPS[*topic]);
            self.say(exchange, |speaker| (Place::Group(place), speakers[speaker % speakers.len()]));
        } else {
            let pair = some(rng, (0..self.people.len()).collect(), 2);
            let exchange = one_of(rng, BETWEEN_TWO);
            self.say(exchange, |speaker| (Place::Direct(pair[1 - speaker]), pair[speaker]));
        }
    }

    fn say(&mut self, exchange: Exchange, of: impl Fn(usize) -> (Place, usize)) {
        self.lines.extend(exchange.iter().map(|(speaker, content, is_answer)| {
            let (place, speaker) = of(*speaker);
            Line { place, speaker, content, is_answer: *is_answer }
        }));
    }
}

/// People of different names.
fn characters(rng: &mut Rng, count: usize) -> Vec<Character> {
    let names = some(rng, (0..FIRST.len() * LAST.len()).collect(), count);
    let character = |name: usize| {
        let (first, last) = (FIRST[name % FIRST.len()], LAST[name / FIRST.len()]);
        Character { username: format!("{first}.{last}").to_lowercase(), fullname: format!("{first} {last}") }
    };
    names.into_iter().map(character).collect()
}

fn group(rng: &mut Rng, number: usize, people: usize) -> Group {
    let (name, topic) = GROUPS[number % GROUPS.len()];
    let name = match number / GROUPS.len() {
        0 => name.to_owned(),
        again => format!("{name} {}", again + 1),
    };
    let size = rng.usize(MEMBERS_MIN..=MEMBERS_MAX);
    let visibility = if rng.bool() { "public" } else { "private" };
    Group { name, visibility, members: some(rng, (0..people).collect(), size), topic }
}

/// So many of them, or all, in any order.
fn some(rng: &mut Rng, mut all: Vec<usize>, count: usize) -> Vec<usize> {
    rng.shuffle(&mut all);
    all.truncate(count);
    all
}

fn one_of(rng: &mut Rng, exchanges: &[Exchange]) -> Exchange {
    exchanges[rng.usize(0..exchanges.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn one_seed_is_one_script_and_another_is_another() {
        assert_eq!(Script::new(7, 20, 6, 300), Script::new(7, 20, 6, 300));
        assert_ne!(Script::new(7, 20, 6, 300), Script::new(8, 20, 6, 300));
    }

    #[test]
    fn more_messages_begin_with_the_fewer() {
        let (few, many) = (Script::new(7, 20, 6, 30), Script::new(7, 20, 6, 300));
        assert_eq!((&few.people, &few.groups), (&many.people, &many.groups));
        assert_eq!(few.lines, many.lines[..30]);
    }

    #[test]
    fn there_are_as_many_as_asked_for_whatever_the_numbers() {
        for (people, groups, lines) in [(2, 0, 1), (2, 3, 50), (3, 1, 20), (1_000, 100, 2_000), (5, 0, 0)] {
            let script = Script::new(1, people, groups, lines);
            assert_eq!((script.people.len(), script.groups.len(), script.lines.len()), (people, groups, lines));
            let names: HashSet<_> = script.people.iter().map(|person| &person.username).collect();
            let called: HashSet<_> = script.groups.iter().map(|group| &group.name).collect();
            assert_eq!((names.len(), called.len()), (people, groups));
        }
    }

    #[test]
    fn whoever_speaks_in_a_group_is_a_member_and_nobody_talks_to_themselves() {
        let script = Script::new(3, 30, 8, 1_000);
        for line in &script.lines {
            match line.place {
                Place::Group(group) => assert!(script.groups[group].members.contains(&line.speaker)),
                Place::Direct(other) => assert_ne!(other, line.speaker),
            }
        }
    }
}
