//! A copy of a directory of this repository as a Git repository of its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A hub repository in a temporary directory, with a home that nobody else has.
pub struct HubCopy {
    dir: tempfile::TempDir,
}

impl HubCopy {
    /// Copies a directory and commits it. Other topologies below it are left out: they are hub repositories themselves.
    ///
    /// # Errors
    /// When files cannot be copied, or Git fails.
    pub fn of(from: &Path) -> io::Result<Self> {
        let copy = Self {
            dir: tempfile::tempdir()?,
        };
        add(from, &copy.path())?;
        copy.git(&["init", "--quiet", "--initial-branch=main"])?;
        copy.commit("first")?;
        Ok(copy)
    }

    /// The work tree.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("hub")
    }

    /// A home directory, empty at first.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Commits everything.
    ///
    /// # Errors
    /// When Git fails.
    pub fn commit(&self, message: &str) -> io::Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--message", message])
    }

    fn git(&self, arguments: &[&str]) -> io::Result<()> {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "tests")
            .env("GIT_AUTHOR_EMAIL", "tests@example.com")
            .env("GIT_COMMITTER_NAME", "tests")
            .env("GIT_COMMITTER_EMAIL", "tests@example.com")
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("git {arguments:?}: {status}")))
        }
    }
}

fn add(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name == "topologies" {
            continue;
        }
        if path.is_dir() {
            add(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
