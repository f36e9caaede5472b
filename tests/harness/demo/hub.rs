//! The hub repository as its users have it: a clone to edit, commit and push from.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::DemoError;

/// A clone of the hub repository.
#[derive(Debug)]
pub struct HubRepository {
    url: String,
    clone: PathBuf,
}

impl HubRepository {
    /// Fills the repository with a copy of `hub-config` by one commit.
    pub(super) fn fill(url: String, clone: PathBuf, hub_config: &Path) -> Result<Self, DemoError> {
        copy(hub_config, &clone)?;
        let hub = Self { url, clone };
        hub.git(&["init", "--quiet", "--initial-branch=main"])?;
        hub.git(&["remote", "add", "origin", &hub.url])?;
        Ok(hub)
    }

    /// Where agents find it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the clone is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.clone
    }

    /// Changes one file. The change must change something.
    pub(super) fn edit(
        &self,
        file: &str,
        change: impl FnOnce(&str) -> String,
    ) -> Result<(), DemoError> {
        let path = self.clone.join(file);
        let before =
            std::fs::read_to_string(&path).map_err(DemoError::io(format!("read {file}")))?;
        let after = change(&before);
        if before == after {
            return Err(DemoError::Unexpected(format!(
                "{file} is not as the demonstration expects"
            )));
        }
        std::fs::write(&path, after).map_err(DemoError::io(format!("write {file}")))
    }

    /// Commits and pushes everything; the commit's id.
    pub(super) fn push(&self, message: &str) -> Result<String, DemoError> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])?;
        self.git(&["push", "--quiet", "origin", "main"])?;
        self.git(&["rev-parse", "HEAD"])
    }

    /// The changed lines of the last commit, without the heads.
    pub(super) fn last_change(&self) -> Result<String, DemoError> {
        let diff = self.git(&["show", "--format=", "--unified=0", "HEAD"])?;
        let is_change = |line: &&str| {
            (line.starts_with('+') && !line.starts_with("+++"))
                || (line.starts_with('-') && !line.starts_with("---"))
        };
        Ok(diff
            .lines()
            .filter(is_change)
            .collect::<Vec<_>>()
            .join("\n"))
    }

    /// The commits of the status branch, newest first.
    pub(super) fn status_log(&self) -> Result<Vec<String>, DemoError> {
        self.git(&["fetch", "--quiet", "origin", "status"])?;
        let log = self.git(&[
            "log",
            "--format=%h %ad %s",
            "--date=format:%H:%M:%S",
            "FETCH_HEAD",
        ])?;
        Ok(log.lines().map(str::to_owned).collect())
    }

    fn git(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&self.clone)
            // Nobody's configuration: no hooks, no signing, no other identity.
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Platform engineer")
            .env("GIT_AUTHOR_EMAIL", "platform@example.com")
            .env("GIT_COMMITTER_NAME", "Platform engineer")
            .env("GIT_COMMITTER_EMAIL", "platform@example.com")
            .output()
            .map_err(DemoError::io("run git"))?;
        finished(&format!("git {}", arguments.join(" ")), &output)
    }
}

/// What a program printed, or why it failed.
pub(super) fn finished(command: &str, output: &Output) -> Result<String, DemoError> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(DemoError::Command {
        command: command.to_owned(),
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), DemoError> {
    let failed = || DemoError::io(format!("copy {}", from.display()));
    std::fs::create_dir_all(to).map_err(failed())?;
    for entry in std::fs::read_dir(from).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).map_err(failed())?;
        }
    }
    Ok(())
}
