//! A large group most of whose members are offline, beside a small one: cost must not grow with who is not there.

use super::flow::{Flow, Pace};
use crate::Outcome;
use crate::arguments::Arguments;
use crate::crowd::Crowd;
use crate::stage::{Cast, Stage};

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    println!("\ncrowd: one group, most of its members offline");
    let small = measure(arguments, arguments.sessions, arguments.sessions)?;
    let large = measure(arguments, arguments.idle_sessions, arguments.members)?;
    for (pace, (small, large)) in PACES.iter().zip(small.iter().zip(&large)) {
        println!("  {:<14} the large group costs {:.2} × the small one per delivery", pace.to_string(), large / small);
    }
    Ok(())
}

const PACES: [Pace; 2] = [Pace::Window(1), Pace::Window(16)];

fn measure(arguments: &Arguments, online: usize, members: usize) -> Outcome<Vec<f64>> {
    let cast = Cast { people: online, groups: vec![(0..online).collect()], absent: members - online };
    let stage = Stage::set(arguments, &cast)?;
    let mut crowd = Crowd::new()?;
    crowd.open(stage.address, &stage.people)?;
    let flow = Flow { hearers: online, ..Flow::of(arguments, &stage.groups) };
    let messages = (arguments.messages * arguments.sessions / online).max(1);
    let mut sent = 0;
    let mut cpu = vec![];
    for pace in PACES {
        let figures = flow.drive(&mut crowd, &stage.server, pace, messages, &mut sent)?;
        println!("  {online} of {members} online, {:<14} {figures}", pace.to_string());
        cpu.push(figures.cpu_micros());
    }
    Ok(cpu)
}
