//! A tenth of the sessions stops reading. The others must not notice, and memory must stay bounded.

use super::flow::{Flow, Pace};
use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::{Crowd, Tally};
use crate::stage::{Cast, Stage};
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
/// What it takes to fill the socket buffers of both sides and the outbox, in messages of this many bytes.
const FILLING: usize = 400;
const FILLING_BYTES: usize = 14_000;
const DRAIN: Duration = Duration::from_secs(3);

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let sessions = arguments.sessions;
    let slow = 1..1 + sessions / 10;
    println!("\nslow readers: {} of {sessions} sessions stall, {} messages/s", slow.len(), arguments.rate);
    // The second group is only there to fill the buffers of those who stall.
    let groups = vec![(0..sessions).collect(), (0..slow.end).collect()];
    let stage = Stage::set(arguments, &Cast { people: sessions, groups, absent: 0 })?;
    let (all, filler) = (&stage.groups[..1], stage.groups[1]);
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people)?;
    let messages = arguments.rate * usize::try_from(arguments.duration().as_secs())?;
    let mut sent = 0;
    for _ in 0..ROUNDS {
        let pace = Pace::Rate(arguments.rate);
        let everyone = Flow { hearers: sessions, ..Flow::of(arguments, all) };
        let with = everyone.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        println!("  all read:    {with}");

        let before = stage.server.usage()?.resident_bytes;
        crowd.stall(slow.clone())?;
        fill(&mut crowd, filler)?;
        let others = Flow { hearers: sessions - slow.len(), ..Flow::of(arguments, all) };
        let without = others.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        let grown = stage.server.usage()?.resident_bytes.saturating_sub(before);
        println!("  some stall:  {without}");
        println!(
            "  p99 of the others: {:.2} ×; memory grew by {:.1} MiB",
            without.latencies.p99.as_secs_f64() / with.latencies.p99.as_secs_f64(),
            grown as f64 / 1_048_576.0
        );
        crowd.wake(slow.clone())?;
        crowd.receive_for(DRAIN)?;
        *crowd.tally() = Tally::default();
    }
    Ok(())
}

/// Sends until those who do not read have lost events; the sender reads, and so paces itself.
fn fill(crowd: &mut Crowd, group: i64) -> Outcome {
    *crowd.tally() = Tally::default();
    let end = Instant::now() + Duration::from_secs(20);
    for number in 1..=FILLING {
        crowd.send(0, group, FILLING_BYTES)?;
        while crowd.tally().deliveries < number && Instant::now() < end {
            crowd.receive(Duration::from_millis(1))?;
        }
    }
    Ok(())
}
