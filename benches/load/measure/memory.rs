//! What a session holds while nothing happens, each of them a member of three conversations.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::stage::{Cast, Stage};
use std::time::Duration;

const MEMBERS: usize = 10;
/// Sessions opened before counting begins: the caches that all share are full then.
const WARM_UP: usize = 500;
const SETTLE: Duration = Duration::from_secs(2);
/// Longer than the server's time between two pings.
const PING_ROUND: Duration = Duration::from_secs(27);

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let sessions = arguments.idle_sessions;
    println!("\nmemory: {sessions} sessions, each a member of 3 conversations of {MEMBERS}");
    let cast = Cast { people: WARM_UP + sessions, groups: groups(WARM_UP + sessions), absent: 0 };
    let stage = Stage::set(arguments, &cast)?;
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people[..WARM_UP])?;
    crowd.receive_for(SETTLE)?;
    let before = stage.server.usage()?;
    crowd.open(stage.address, &stage.people[WARM_UP..])?;
    let opened = stage.server.usage()?;
    println!("  opening: {:.0} µs CPU each", (opened.cpu - before.cpu).as_secs_f64() * 1e6 / sessions as f64);

    let report = |what: &str| -> Outcome {
        let bytes = stage.server.usage()?.resident_bytes.saturating_sub(before.resident_bytes);
        println!("  {what:<28} {:.2} KiB resident per session", bytes as f64 / 1_024.0 / sessions as f64);
        Ok(())
    };
    crowd.receive_for(SETTLE)?;
    report("after opening")?;
    crowd.receive_for(PING_ROUND)?;
    report("after a ping")?;
    for (number, group) in stage.groups.iter().enumerate() {
        crowd.send(cast.groups[number][0], *group, arguments.size)?;
        crowd.receive(Duration::ZERO)?;
    }
    crowd.receive_for(SETTLE)?;
    report("after hearing three messages")?;
    let tally = crowd.tally();
    let expected = stage.groups.len() * MEMBERS;
    println!(
        "  heard {} of {expected}, wrong {}",
        tally.deliveries,
        tally.skipped + i64::try_from(tally.repeated + tally.dropped)?
    );
    Ok(())
}

/// Divides people into groups in three ways that have little in common.
fn groups(people: usize) -> Vec<Vec<usize>> {
    let strides = [1, 7_919, 104_729];
    let divided = |stride| (0..people).map(move |person| person * stride % people).collect::<Vec<_>>();
    strides
        .into_iter()
        .flat_map(|stride| divided(stride).chunks(MEMBERS).map(<[_]>::to_vec).collect::<Vec<_>>())
        .collect()
}
