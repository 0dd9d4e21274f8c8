//! Processes: starting one on a core of its own, what it costs, and ending it.

use crate::Outcome;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The core of what is measured, and the core of what measures.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

/// Ticks of the times in `/proc/PID/stat`: 100 wherever Linux runs today (proc(5), sysconf(3)).
const TICKS_PER_SECOND: u64 = 100;

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Keeps this program off the server's core, if there are two and `taskset` is installed.
pub(crate) fn pin_self() {
    let pid = std::process::id().to_string();
    let pinned = can_pin()
        && Command::new("taskset")
            .args(["--all-tasks", "--pid", "--cpu-list", CLIENT_CORE, &pid])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    if !pinned {
        println!("taskset is missing or there is one core: server and clients get in each other's way");
    }
}

fn can_pin() -> bool {
    let taskset = Command::new("taskset").arg("--version").stdout(Stdio::null()).status();
    Path::new("/sys/devices/system/cpu/cpu1").exists() && taskset.is_ok()
}

/// A running program, which ends when this is dropped.
pub(crate) struct Process(Child);

/// What a process has cost so far, and holds now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
    pub(crate) reads: u64,
}

impl Process {
    /// Starts a program on the server's core and waits for its first line on standard error that has `word` in it.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        word: &str,
    ) -> Outcome<(Self, String)> {
        let mut command = if can_pin() {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", SERVER_CORE]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let stderr = child.stderr.take();
        let mut process = Self(child);
        let mut lines = stderr.into_iter().flat_map(|stderr| BufReader::new(stderr).lines()).map_while(Result::ok);
        let mut seen = vec![];
        for line in lines.by_ref() {
            if line.contains(word) {
                // What it says from now on is of interest only if it is a complaint.
                std::thread::spawn(move || {
                    for line in lines.filter(|line| !line.contains("INFO")) {
                        println!("server: {line}");
                    }
                });
                return Ok((process, line));
            }
            seen.push(line);
        }
        let status = process.0.wait()?;
        Err(format!("the server ended with {status}: {}", seen.join("\n")).into())
    }

    pub(crate) fn usage(&self) -> Outcome<Usage> {
        let read = |name| std::fs::read_to_string(format!("/proc/{}/{name}", self.0.id()));
        let number = |text: &str, name: &str| -> u64 {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.split_whitespace().next()).and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let stat = read("stat")?;
        // The second field may hold anything, so counting begins behind it: utime and stime are the 14th and 15th.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Usage {
            cpu: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
            resident_bytes: number(&read("status")?, "VmRSS:") * 1_024,
            reads: number(&read("io")?, "syscr:"),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
