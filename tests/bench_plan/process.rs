//! One process from its start to its end: how long, and how much memory at most.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Pause between two looks at a process.
const LOOK: Duration = Duration::from_millis(1);

/// What one run cost.
pub(crate) struct Measured {
    pub(crate) time: Duration,
    /// Processor time of all its threads, which other work on the machine does not change.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) stdout: String,
}

/// Runs a program with a home and a cache of its own.
pub(crate) fn run(program: &Path, arguments: &[&str], cache: &Path) -> io::Result<Measured> {
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .env("XDG_CACHE_HOME", cache)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    // Pipes are emptied while the program runs: it would wait otherwise.
    let out = std::thread::spawn(move || text(out));
    let err = std::thread::spawn(move || text(err));
    let process = format!("/proc/{}", child.id());
    let (mut peak_kib, mut cpu_seconds) = (0.0_f64, 0.0_f64);
    let (ended, time) = loop {
        peak_kib = peak_kib.max(high_water(&process));
        cpu_seconds = cpu_seconds.max(processor_time(&process));
        if let Some(ended) = child.try_wait()? {
            break (ended, begun.elapsed());
        }
        std::thread::sleep(LOOK);
    };
    let stdout = out.join().unwrap_or_default();
    let stderr = err.join().unwrap_or_default();
    if !ended.success() {
        return Err(io::Error::other(format!(
            "{arguments:?}: {ended}: {stderr}"
        )));
    }
    Ok(Measured {
        time,
        cpu_seconds,
        peak_mib: peak_kib / 1024.0,
        stdout,
    })
}

fn text(pipe: Option<impl io::Read>) -> String {
    let mut text = String::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_string(&mut text);
    }
    text
}

/// The kernel's own high-water mark of resident memory, in KiB.
fn high_water(process: &str) -> f64 {
    let text = std::fs::read_to_string(format!("{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// User and system time so far. The kernel counts in hundredths of a second (`USER_HZ`) on every architecture.
fn processor_time(process: &str) -> f64 {
    let text = std::fs::read_to_string(format!("{process}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    let fields = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
