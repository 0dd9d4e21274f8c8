//! Everyone comes back at once, as after a restart, and has missed events.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::{Crowd, Tally};
use crate::process::Process;
use crate::stage::{Cast, Stage};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (sessions, missed) = (arguments.sessions, arguments.missed);
    println!("\nresume: {sessions} sessions come back, each has missed {missed} events of one group");
    // The last of them sends what the others miss.
    let stage =
        Stage::set(arguments, &Cast { people: sessions + 1, groups: vec![(0..=sessions).collect()], absent: 0 })?;
    let group = stage.groups[0];
    let mut sender = Crowd::new()?;
    sender.open(stage.address, &stage.people[sessions..])?;
    for number in 1..=missed {
        sender.send(0, group, arguments.size)?;
        while sender.tally().deliveries < number {
            sender.receive(Duration::from_millis(1))?;
        }
    }
    let epoch = epoch(&mut sender)?;
    let request = format!(r#"{{"type":"resume","epoch":{epoch},"conversations":{{"{group}":0}}}}"#);

    let mut alone = Crowd::new()?;
    alone.open(stage.address, &stage.people[..1])?;
    storm(&mut alone, &stage.server, &request, missed, "one session")?;
    drop(alone);

    let mut crowd = Crowd::new()?;
    let (began, before) = (Instant::now(), stage.server.usage()?);
    crowd.open(stage.address, &stage.people[..sessions])?;
    let cpu = (stage.server.usage()?.cpu - before.cpu).as_secs_f64();
    println!(
        "  opening one after the other: {:.2} s, {:.0} µs CPU each",
        began.elapsed().as_secs_f64(),
        cpu * 1e6 / sessions as f64
    );
    storm(&mut crowd, &stage.server, &request, missed, "all sessions")
}

/// Lets every client ask at the same moment, and waits until each has everything.
fn storm(crowd: &mut Crowd, server: &Process, request: &str, missed: usize, who: &str) -> Outcome {
    let expected = crowd.len() * missed;
    let (began, before) = (Instant::now(), server.usage()?);
    for client in 0..crowd.len() {
        crowd.request(client, request)?;
    }
    while (crowd.tally().deliveries < expected || crowd.answers() < crowd.len()) && began.elapsed() < PATIENCE {
        crowd.receive(Duration::from_millis(1))?;
    }
    let (elapsed, after) = (began.elapsed(), server.usage()?);
    let Tally { deliveries, skipped, repeated, dropped, .. } = crowd.tally().clone();
    println!(
        "  {who}: {:.1} ms, {:.2} µs CPU per event, {} reads from files; {deliveries} of {expected} events, wrong {}",
        elapsed.as_secs_f64() * 1e3,
        (after.cpu - before.cpu).as_secs_f64() * 1e6 / expected as f64,
        after.reads - before.reads,
        skipped + i64::try_from(repeated + dropped)?
    );
    Ok(())
}

/// The name of the history, as JSON.
fn epoch(crowd: &mut Crowd) -> Outcome<String> {
    crowd.request(0, r#"{"type":"sync"}"#)?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        crowd.receive(Duration::from_millis(1))?;
        if let Some(answer) = crowd.take_answer() {
            let answer: serde_json::Value = serde_json::from_slice(&answer)?;
            return Ok(answer["data"]["epoch"].to_string());
        }
    }
    Err("the server did not answer `sync`".into())
}
