//! Argo CD's own code: a process that answers one line for each line.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::generate::Case;

/// What an ApplicationSet came to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Answer {
    /// Why it cannot be read at all.
    #[serde(default)]
    pub error: String,
    /// One for each entry of `generators`.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// What one entry of `generators` came to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Entry {
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub results: Option<Vec<Generated>>,
}

/// What one kind of an entry came to: sets of parameters, and an Application for each.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Generated {
    pub params: Vec<Value>,
    pub applications: Vec<Rendered>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Rendered {
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub application: Value,
}

impl Answer {
    /// True when there is no Application, and no error either.
    pub fn is_empty(&self) -> bool {
        let results = self.entries.iter().flat_map(|entry| &entry.results);
        results
            .flatten()
            .all(|result| result.applications.is_empty())
    }

    /// The first error anywhere.
    pub fn first_error(&self) -> Option<&str> {
        let entries = self.entries.iter().flat_map(|entry| {
            let results = entry.results.iter().flatten();
            let rendered = results.flat_map(|result| &result.applications);
            std::iter::once(&entry.error).chain(rendered.map(|rendered| &rendered.error))
        });
        let mut all = std::iter::once(&self.error).chain(entries);
        all.find(|error| !error.is_empty()).map(String::as_str)
    }
}

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

    /// Sends a case.
    pub fn send(&mut self, case: &Case) {
        let mut line = serde_json::to_vec(&case.request()).expect("texts are JSON");
        line.push(b'\n');
        self.stdin.write_all(&line).expect("the oracle reads");
        self.stdin.flush().expect("the oracle reads");
    }

    /// The answer to the case that was sent.
    pub fn receive(&mut self) -> Answer {
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

/// Cases from a file.
pub fn read_cases(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).expect("a case is a JSON object"))
        .collect()
}
