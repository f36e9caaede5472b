//! What most tests start with: a server, one repository on it, a client and a store.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_git::{
    Credentials, GitError, HttpClient, HttpOptions, Limits, Remote, RemoteUrl, Snapshot, Store,
    TargetRevision,
};
use muster_model::tree::{EntryKind, Tree as _, TreeError};
use muster_model::{BlobId, CommitId, RepoPath};
use muster_tests::git_server::{GitServer, TestRepository};

pub(crate) struct World {
    pub(crate) server: GitServer,
    pub(crate) repository: TestRepository,
    pub(crate) remote: Remote,
    pub(crate) store: Store,
    pub(crate) directory: tempfile::TempDir,
}

/// A server with an empty repository `hub`.
pub(crate) fn world() -> World {
    let directory = tempfile::tempdir().expect("a directory");
    let server = GitServer::start(&directory.path().join("served"));
    with(directory, server)
}

pub(crate) fn with(directory: tempfile::TempDir, server: GitServer) -> World {
    let repository = server.create("hub");
    let remote = remote(
        &client(server.ca_pem()),
        repository.url(),
        Credentials::Anonymous,
    );
    let store = Store::open_or_create(directory.path().join("store"), Limits::default());
    World {
        server,
        repository,
        remote,
        store: store.expect("a store"),
        directory,
    }
}

/// A client with patience for a busy machine.
pub(crate) fn client(ca_pem: Option<&str>) -> HttpClient {
    let ca_bundle = ca_pem.map(|pem| pem.as_bytes().to_vec());
    let options = HttpOptions {
        ca_bundle,
        ..HttpOptions::default()
    };
    HttpClient::new(&options).expect("a client")
}

/// A client that gives up on a silent server soon.
pub(crate) fn impatient() -> HttpClient {
    let idle_timeout = Duration::from_millis(300);
    let options = HttpOptions {
        idle_timeout,
        ..HttpOptions::default()
    };
    HttpClient::new(&options).expect("a client")
}

pub(crate) fn remote(client: &HttpClient, url: &str, credentials: Credentials) -> Remote {
    let url = RemoteUrl::parse(url).expect("a URL");
    Remote::new(client, url, credentials).expect("a remote")
}

pub(crate) fn id(text: &str) -> CommitId {
    CommitId::new(text).expect("a commit id")
}

pub(crate) fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a plain path")
}

impl World {
    /// Which commit a revision is, by one request.
    pub(crate) fn resolve(&mut self, revision: &str) -> Result<Option<CommitId>, GitError> {
        let revision = TargetRevision::parse(revision).expect("a revision");
        let refs = self.remote.ls_refs(&revision.prefixes())?;
        Ok(revision.pick(&refs))
    }

    /// Fetches `main` and reads it.
    pub(crate) fn fetch_main(&mut self) -> Result<Snapshot, GitError> {
        let commit_id = self.resolve("main")?.expect("main is there");
        self.store.fetch(&mut self.remote, &commit_id)?;
        self.store.snapshot(&commit_id)
    }

    /// The text of a file; fetched when it is not here.
    pub(crate) fn text(&mut self, snapshot: &Snapshot, file: &str) -> Option<String> {
        if let Err(TreeError::NotFetched(id)) = snapshot.file(&path(file)) {
            self.store
                .fetch_objects(&mut self.remote, &BTreeSet::from([id]))
                .expect("fetched");
        }
        let bytes = snapshot.file(&path(file)).expect("readable")?;
        Some(String::from_utf8(bytes.to_vec()).expect("text"))
    }
}

/// The blobs of a snapshot, by path.
pub(crate) fn blobs(snapshot: &Snapshot) -> Vec<(String, BlobId)> {
    let files = snapshot.files(&path("")).expect("trees");
    files
        .into_iter()
        .filter(|(_, entry)| entry.kind == EntryKind::Blob)
        .map(|(path, entry)| (path.to_string(), entry.id))
        .collect()
}

/// Names in a directory.
pub(crate) fn names(snapshot: &Snapshot, dir: &str) -> Vec<String> {
    let list = snapshot.list(&path(dir)).expect("a tree");
    list.into_iter().map(|(name, _)| name).collect()
}
