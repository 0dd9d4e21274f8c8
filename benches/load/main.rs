//! The load program: measures the whole server, as `GOALS` are written, over real sockets.
//!
//! Start reading at [`run`]. `stage.rs` makes a database and starts a server on it, `crowd.rs` is its many clients,
//! `measure/` holds one file for each measurement. The rule: server and clients have a core each, so that what the clients
//! do costs the server nothing, and the server's cost is what the system accounts to its process.
#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]

mod arguments;
mod chart;
mod commits;
mod crowd;
mod floor;
mod frames;
mod hostile;
mod latencies;
mod measure;
mod process;
mod stage;

use arguments::{Arguments, Measurement};
use clap::Parser;
use std::process::ExitCode;

/// An error is a sentence for whoever runs the program.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    if let Some(address) = floor::asked_for() {
        return floor::serve(&address);
    }
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    process::pin_self();
    println!("{} cores, {files} open files allowed", process::cores());
    for measurement in &arguments.only {
        match measurement {
            Measurement::FanOut => measure::fan_out::run(arguments)?,
            Measurement::Crowd => measure::crowd::run(arguments)?,
            Measurement::Memory => measure::memory::run(arguments)?,
            Measurement::SlowReaders => measure::slow_readers::run(arguments)?,
            Measurement::Hostile => measure::hostile::run(arguments)?,
            Measurement::Resume => measure::resume::run(arguments)?,
            Measurement::Latency => measure::latency::run(arguments)?,
            Measurement::Sends => measure::sends::run(arguments)?,
            Measurement::Start => measure::start::run(arguments)?,
        }
    }
    Ok(())
}
