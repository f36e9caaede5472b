//! What muster is compared with: a process that answers one line of JSON for each line.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The process.
pub struct Oracle {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start(program: &OsStr) -> Self {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the oracle starts");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            stdin,
            stdout,
        }
    }

    /// Sends a request.
    pub fn send(&mut self, request: &impl Serialize) {
        let mut line = serde_json::to_vec(request).expect("texts are JSON");
        line.push(b'\n');
        self.stdin.write_all(&line).expect("the oracle reads");
        self.stdin.flush().expect("the oracle reads");
    }

    /// The answer to the request that was sent.
    pub fn receive<A: DeserializeOwned>(&mut self) -> A {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .expect("the oracle answers");
        serde_json::from_str(&line).expect("the oracle answers in JSON")
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Cases from a file, one a line.
pub fn read_cases<C: DeserializeOwned>(file: impl AsRef<Path>) -> Vec<C> {
    let file = file.as_ref();
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).expect("a case is a JSON object"))
        .collect()
}
