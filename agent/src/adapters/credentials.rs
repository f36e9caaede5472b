//! Credentials from a directory, as a mounted Secret has them; read anew for every use, so that a rotation needs no restart.

use std::fs;
use std::path::{Path, PathBuf};

use muster_git::{Credentials, Origin, Place, RemoteUrl};
use muster_model::{Problem, Reason};

/// Where credentials lie, and for which server: they are never sent to another.
#[derive(Debug, Clone, Default)]
pub struct CredentialStore {
    directory: Option<PathBuf>,
    /// The servers that the files at the top of the directory are for.
    origins: Vec<Origin>,
}

impl CredentialStore {
    /// Credentials in `directory` for the servers of `urls`; those of another host in a subdirectory of its name.
    #[must_use]
    pub fn new(directory: Option<PathBuf>, urls: &[&RemoteUrl]) -> Self {
        let origins = urls.iter().filter_map(|url| origin(url)).cloned().collect();
        Self { directory, origins }
    }

    /// What to send to the server of a URL.
    ///
    /// # Errors
    /// When a file is there but cannot be read.
    pub fn of(&self, url: &RemoteUrl) -> Result<Credentials, Problem> {
        let (Some(directory), Some(origin)) = (&self.directory, origin(url)) else {
            return Ok(Credentials::Anonymous);
        };
        let directory = if self.origins.contains(origin) {
            directory.clone()
        } else {
            directory.join(&origin.host)
        };
        if let Some(token) = read(&directory.join("bearerToken"))? {
            return Ok(Credentials::Bearer(token));
        }
        match (
            read(&directory.join("username"))?,
            read(&directory.join("password"))?,
        ) {
            (user, Some(password)) => Ok(Credentials::Basic {
                user: user.unwrap_or_else(|| "git".to_owned()),
                password,
            }),
            (Some(_), None) => {
                let message = format!("{} has a username but no password", directory.display());
                Err(Problem::new(Reason::GitAuth, message)
                    .remedy("add the file `password`, or `bearerToken`"))
            }
            (None, None) => Ok(Credentials::Anonymous),
        }
    }
}

fn origin(url: &RemoteUrl) -> Option<&Origin> {
    match url.place() {
        Place::Http(origin) => Some(origin),
        Place::File(_) => None,
    }
}

fn read(path: &Path) -> Result<Option<String>, Problem> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Problem::new(
            Reason::GitAuth,
            format!("cannot read {}: {}", path.display(), error.kind()),
        )),
    }
}
