//! How long a message takes when nothing else goes on, beside the commit that it cannot do without. Disks have moods, so the two
//! take turns.

use super::flow::{Flow, Pace};
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::stage::{Cast, Stage};
use crate::{Outcome, commits};
use std::time::Duration;

const MEMBERS: usize = 3;
const ROUNDS: usize = 7;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    println!("\nlatency: one sender and two other members, {} messages/s", arguments.rate);
    let stage = Stage::set(arguments, &Cast { people: MEMBERS, groups: vec![(0..MEMBERS).collect()], absent: 0 })?;
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people)?;
    let flow = Flow { hearers: MEMBERS, ..Flow::of(arguments, &stage.groups) };
    let messages = arguments.rate * usize::try_from(arguments.duration().as_secs())?;
    let pause = Duration::from_secs(1) / u32::try_from(arguments.rate)?;
    let (mut sent, mut ratios) = (0, vec![]);
    for _ in 0..ROUNDS {
        let commits = commits::one_by_one(arguments, messages, pause)?;
        let figures = flow.drive(&mut crowd, &stage.server, Pace::Rate(arguments.rate), messages, &mut sent)?;
        println!("  a commit of one message      {}", commits.latencies);
        println!("  sending to receipt           {}, wrong {}", figures.latencies, figures.wrong);
        ratios.push(figures.latencies.p50.as_secs_f64() / commits.latencies.p50.as_secs_f64());
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!(
        "  p50 is {:.2} × the commit's, the median of {:.2} to {:.2}",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
    Ok(())
}
