//! Disks that take no more. The rule: what a test does to a disk ends with the server that it was made for.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The command line that gives a program file systems of its own, which end with it, and has them prepared by a script; `None`
/// where the system does not let this user do that.
#[must_use]
pub fn with_own_mounts(script: &str) -> Option<Vec<String>> {
    let ways: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--user", "--map-root-user", "--mount"]];
    let is_allowed = |way: &&&[&str]| {
        let mut trial = Command::new(way[0]);
        trial.args(&way[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
        trial.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let way = ways.iter().find(is_allowed)?;
    let script = format!("set -e; {script}; exec \"$@\"");
    Some(way.iter().copied().chain(["/bin/sh", "-c", &script, "sh"]).map(str::to_owned).collect())
}

/// A directory as a process with mounts of its own sees it.
#[must_use]
pub fn seen_by(pid: u32, directory: &Path) -> PathBuf {
    let directory = directory.canonicalize().unwrap();
    Path::new(&format!("/proc/{pid}/root")).join(directory.strip_prefix("/").unwrap())
}

/// Fills the disk of a directory to the last byte, until the file that this returns is removed.
#[must_use]
pub fn fill(directory: &Path) -> PathBuf {
    let path = directory.join("filler");
    let mut file = File::create(&path).unwrap();
    for bytes in [65_536, 1] {
        let filling = vec![0; bytes];
        let full = loop {
            if let Err(error) = file.write_all(&filling) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
    }
    path
}

/// Keeps the files of a process from growing beyond this, or lets them grow again.
#[cfg(target_os = "linux")]
pub fn limit_files(pid: u32, bytes: Option<u64>) {
    let limit = (bytes.unwrap_or(rlimit::INFINITY), rlimit::INFINITY);
    rlimit::prlimit(pid.try_into().unwrap(), rlimit::Resource::FSIZE, Some(limit), None).unwrap();
}
