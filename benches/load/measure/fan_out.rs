//! What it costs to bring one message to many, beside what it costs at least.

use super::flow::{Flow, Pace};
use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::{Crowd, Person};
use crate::stage::{Cast, Stage};
use crate::{chart, floor};
use std::net::Ipv4Addr;

/// What the floor calls its only group.
const FLOOR_GROUP: i64 = 1;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let sessions = arguments.sessions;
    println!(
        "\nfan-out: {sessions} sessions, groups {}, senders {}, {} bytes",
        arguments.groups, arguments.senders, arguments.size
    );
    let floor = floor(arguments)?;
    let members = |group| (group..sessions).step_by(arguments.groups).collect();
    let cast = Cast { people: sessions, groups: (0..arguments.groups).map(members).collect(), absent: 0 };
    let stage = Stage::set(arguments, &cast)?;
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people)?;
    let flow = Flow::of(arguments, &stage.groups);
    let mut sent = 0;
    let mut cpu = vec![];
    for pace in [Pace::Window(1), Pace::Window(16), Pace::Rate(arguments.rate)] {
        let messages = match pace {
            Pace::Rate(rate) => rate * usize::try_from(arguments.duration().as_secs())?,
            Pace::Window(_) => arguments.messages,
        };
        let figures = flow.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        println!("  {:<14} {figures}", pace.to_string());
        cpu.push(figures.cpu_micros());
    }
    println!("  one in flight: {:.2} × the floor", cpu[0] / floor);
    if let Some(path) = &arguments.svg {
        std::fs::write(path, chart::draw(&chart::Run { floor, one: cpu[0], sixteen: cpu[1] }))?;
        println!("  drawn to {}", path.display());
    }
    Ok(())
}

/// Microseconds of CPU for each delivery by the floor.
fn floor(arguments: &Arguments) -> Outcome<f64> {
    let (server, address) = floor::start()?;
    let people =
        vec![Person { token: String::new(), groups: vec![FLOOR_GROUP], home: Ipv4Addr::LOCALHOST }; arguments.sessions];
    let mut crowd = Crowd::new()?;
    crowd.open(address, &people)?;
    let flow =
        Flow { senders: 1, hearers: arguments.sessions, is_relayed: true, ..Flow::of(arguments, &[FLOOR_GROUP]) };
    let figures = flow.drive(&mut crowd, &server, Pace::Window(1), arguments.messages, &mut 0)?;
    println!("  {:<14} {figures}", "floor");
    Ok(figures.cpu_micros())
}
