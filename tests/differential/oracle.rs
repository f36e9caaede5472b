//! The real kustomize: a process that answers one line for each line.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::generate::Case;

/// What a build came to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    pub ok: bool,
    pub stdout: String,
    #[serde(default)]
    pub error: String,
}

impl Answer {
    /// For people.
    pub fn shown(&self) -> String {
        if self.ok {
            format!("\n{}", self.stdout)
        } else {
            format!("error: {}", self.error)
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Request {
    files: BTreeMap<String, String>,
    args: Vec<String>,
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
        let request = Request {
            files: case.files.clone(),
            args: case.args.clone(),
        };
        let mut line = serde_json::to_vec(&request).expect("texts are JSON");
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

    pub fn ask(&mut self, case: &Case) -> Answer {
        self.send(case);
        self.receive()
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
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let request: Request = serde_json::from_str(line).expect("a case is a JSON object");
            Case {
                files: request.files,
                args: request.args,
            }
        })
        .collect()
}

/// Leaves a finding as files, with what kustomize prints.
pub fn keep(dir: &Path, case: &Case, theirs: &Answer, text: &str) {
    let write = |path: &Path, content: &str| -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        std::fs::write(path, content)
    };
    let mut all = case
        .files
        .iter()
        .map(|(path, content)| write(&dir.join("in").join(path), content));
    let kept = all
        .by_ref()
        .collect::<Result<Vec<_>, _>>()
        .and_then(|_| write(&dir.join("stdout"), &theirs.stdout))
        .and_then(|()| write(&dir.join("finding.txt"), text));
    if let Err(error) = kept {
        println!("cannot keep {}: {error}", dir.display());
    }
}
