//! A child process that cannot outlive us, however we end.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::TestbedError;

/// Starts the program in the background, prints its process id, waits for the end of its input, kills the group.
/// The other end of that input is ours: the system closes it when we end, even when we are killed.
const SUPERVISOR: &str = r#"trap '' INT TERM HUP; "$@" </dev/null >&2 & echo $!; exec >&-; cat >/dev/null; kill -KILL 0"#;

/// A running program, killed hard when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    supervisor: Child,
    id: u32,
}

impl Process {
    /// Starts `program`; its output goes to `<dir>/<name>.log`.
    ///
    /// # Errors
    /// When the log or the process cannot be made.
    pub fn start(
        name: &str,
        program: &Path,
        args: &[String],
        dir: &Path,
    ) -> Result<Self, TestbedError> {
        let what = format!("start {name}");
        let log = dir.join(format!("{name}.log"));
        let output = File::create(&log).map_err(TestbedError::io(&what))?;
        let mut supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(TestbedError::io(&what))?;
        let mut line = String::new();
        if let Some(stdout) = supervisor.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(TestbedError::io(&what))?;
        }
        let id = line
            .trim()
            .parse()
            .map_err(std::io::Error::other)
            .map_err(TestbedError::io(what))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            supervisor,
            id,
        })
    }

    /// The process id of the program itself.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Looks again and again until `ready` is, the program has ended, or `limit` has passed.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] with what was seen last and the log.
    pub fn wait_until(
        &self,
        limit: Duration,
        poll: Duration,
        mut ready: impl FnMut() -> Result<(), String>,
    ) -> Result<(), TestbedError> {
        let begun = Instant::now();
        loop {
            let Err(why) = ready() else {
                return Ok(());
            };
            let ended = !self.is_running();
            if ended || begun.elapsed() > limit {
                return Err(TestbedError::NotReady {
                    name: self.name.clone(),
                    why: if ended {
                        "it has ended".to_owned()
                    } else {
                        why
                    },
                    log: self.log.clone(),
                });
            }
            std::thread::sleep(poll);
        }
    }

    /// False once the program has ended: gone, or a zombie that its supervisor has not collected.
    #[must_use]
    pub fn is_running(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.id)).is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('Z'))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // The supervisor kills its own group, itself included: there is nothing to do about an error.
        let _ = self.supervisor.wait();
    }
}
