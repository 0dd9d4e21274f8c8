//! A tenth of the sessions means no good: they stall, flood, send garbage, come and go. Everyone else must lose nothing and
//! notice nothing, and memory must stay where it is. Rate limits are on, as they are for whoever starts the server.

use super::flow::{Flow, Pace};
use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::hostile::Hostile;
use crate::stage::{Cast, RateLimits, Stage};
use std::time::Duration;

/// Members of each group who mean well.
const MEMBERS: usize = 100;
/// Members of each group who take turns at sending: each of them stays far below what one may send.
const SENDERS: usize = 20;
const ROUNDS: usize = 5;
/// Between two rounds, so that what the hostile have left behind is gone.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let hostile = arguments.hostile_sessions / 10;
    let healthy = (arguments.hostile_sessions - hostile) / MEMBERS * MEMBERS;
    println!("\nhostile clients: {hostile} among {healthy} others, {} messages/s to {MEMBERS} each", arguments.rate);
    let count = healthy / MEMBERS;
    let members = |group| (group..healthy).step_by(count).chain((healthy + group..healthy + hostile).step_by(count));
    let mut groups: Vec<Vec<usize>> = (0..count).map(|group| members(group).collect()).collect();
    groups.push((healthy..healthy + hostile).collect());
    let cast = Cast { people: healthy + hostile, groups, absent: 0 };
    let stage = Stage::set_with(arguments, &cast, RateLimits::On)?;
    let (groups, target) = (&stage.groups[..count], stage.groups[count]);
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people[..healthy])?;

    let flow = Flow { groups, senders: SENDERS, hearers: MEMBERS, size: arguments.size, is_relayed: false };
    let messages = arguments.rate * usize::try_from(arguments.duration().as_secs())?;
    let resident = || -> Outcome<f64> { Ok(stage.server.usage()?.resident_bytes as f64 / 1_048_576.0) };
    let (mut sent, mut ratios, mut wrong) = (0, vec![], 0);
    for _ in 0..ROUNDS {
        let pace = Pace::Rate(arguments.rate);
        let calm = flow.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        println!("  calm:    {calm}, {:.1} MiB", resident()?);
        let others = Hostile::begin(stage.address, &stage.people[healthy..], &arguments.habits, target);
        let stormy = flow.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        let deeds = others.stop()?;
        println!("  hostile: {stormy}, {:.1} MiB; {deeds}", resident()?);
        ratios.push(stormy.latencies.p99.as_secs_f64() / calm.latencies.p99.as_secs_f64());
        wrong += calm.wrong + stormy.wrong;
        crowd.receive_for(SETTLE)?;
    }
    ratios.sort_unstable_by(f64::total_cmp);
    println!(
        "  p99 of the others: {:.2} ×, the median of {:.2} to {:.2}; wrong {wrong}; {:.1} MiB in the end",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
        resident()?
    );
    Ok(())
}
