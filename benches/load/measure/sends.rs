//! Messages stored and acknowledged per second by many senders in many conversations, beside one commit for each.

use super::flow::{Flow, Pace};
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::stage::{Cast, Stage};
use crate::{Outcome, commits};
use std::time::Duration;

/// How often both are measured in turn: the speed of a disk changes with the time of day.
const ROUNDS: usize = 3;
const COMMITS: usize = 3_000;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let writers = arguments.writers.next_multiple_of(2);
    let pairs = writers / 2;
    println!("\nsends: {writers} senders in {pairs} conversations of two, one message of each in flight");
    let groups = (0..pairs).map(|pair| vec![pair, pair + pairs]).collect();
    let stage = Stage::set(arguments, &Cast { people: writers, groups, absent: 0 })?;
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people)?;
    let flow = Flow { senders: 2, hearers: 2, ..Flow::of(arguments, &stage.groups) };
    let mut sent = 0;
    for _ in 0..ROUNDS {
        let commits = commits::one_by_one(arguments, COMMITS, Duration::ZERO)?.per_second;
        let figures =
            flow.drive(&mut crowd, &stage.server, Pace::Window(writers), arguments.messages * 10, &mut sent)?;
        let sends = figures.per_second() / 2.0;
        let cpu = figures.cpu_micros() * 2.0;
        println!(
            "  {sends:.0} messages/s stored, {cpu:.0} µs CPU each; one by one {commits:.0}/s: {:.1} ×; wrong {}",
            sends / commits,
            figures.wrong
        );
    }
    Ok(())
}
