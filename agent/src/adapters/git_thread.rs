//! One thread that owns stores and the kept-alive HTTP client; both block.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use muster_git::{GitError, HttpClient, HttpOptions, Limits, Remote, RemoteUrl, Store};
use muster_model::{Digest, Problem, Reason};
use tokio::sync::oneshot;

use super::credentials::CredentialStore;

/// How the thread reaches servers and where it keeps objects.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// Directory for the stores, one below it for each repository.
    pub store: PathBuf,
    /// How servers are spoken to.
    pub http: HttpOptions,
    /// Bounds on what is fetched.
    pub limits: Limits,
    /// What servers are asked with.
    pub credentials: CredentialStore,
}

/// A repository as the thread holds it.
#[derive(Debug)]
pub(super) struct Repository {
    /// The objects that are here.
    pub(super) store: Store,
    /// The server.
    pub(super) remote: Remote,
}

/// What only the thread touches.
#[derive(Debug)]
pub(super) struct Desk {
    options: GitOptions,
    client: HttpClient,
    repositories: BTreeMap<String, Repository>,
}

type Job = Box<dyn FnOnce(&mut Desk) + Send>;

/// A handle to the thread; the thread ends when every handle is gone. A request under way is interrupted then.
#[derive(Debug, Clone)]
pub struct GitThread {
    jobs: mpsc::Sender<Job>,
    _stop: Arc<Interrupt>,
}

#[derive(Debug)]
struct Interrupt(Arc<std::sync::atomic::AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl GitThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the options are not usable, or the system gives no thread.
    pub fn start(name: &str, options: GitOptions) -> Result<Self, Problem> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (started, start) = mpsc::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // The client has a runtime of its own: it must be made, and dropped, outside of any other.
                let client = match HttpClient::new(&options.http) {
                    Ok(client) => client,
                    Err(error) => return drop(started.send(Err(error.problem()))),
                };
                let _ = started.send(Ok(client.interrupt()));
                let mut desk = Desk {
                    options,
                    client,
                    repositories: BTreeMap::new(),
                };
                for job in inbox {
                    job(&mut desk);
                }
            })
            .map_err(|e| {
                Problem::new(
                    Reason::InternalError,
                    format!("cannot start the Git thread: {e}"),
                )
            })?;
        let interrupt = start
            .recv()
            .map_err(|_| Problem::new(Reason::InternalError, "the Git thread did not start"))??;
        Ok(Self {
            jobs,
            _stop: Arc::new(Interrupt(interrupt)),
        })
    }

    /// Runs `job` on the thread with the repository at `url`.
    pub(super) async fn on<V: Send + 'static>(
        &self,
        url: &str,
        job: impl FnOnce(&mut Repository) -> Result<V, GitError> + Send + 'static,
    ) -> Result<V, Problem> {
        let (reply, answer) = oneshot::channel();
        let url = url.to_owned();
        let work: Job = Box::new(move |desk| {
            let _ = reply.send(desk.work(&url, job));
        });
        let gone = || Problem::new(Reason::InternalError, "the Git thread has ended");
        self.jobs.send(work).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Desk {
    fn work<V>(
        &mut self,
        url: &str,
        job: impl FnOnce(&mut Repository) -> Result<V, GitError>,
    ) -> Result<V, Problem> {
        let credentials = self
            .options
            .credentials
            .of(&RemoteUrl::parse(url).map_err(|e| e.problem())?)?;
        let repository = self.repository(url)?;
        repository
            .remote
            .set_credentials(credentials)
            .map_err(|e| e.problem())?;
        let result = job(repository);
        if repository.store.is_damaged() {
            tracing::warn!("the local store is damaged: built anew");
            repository.store.reset().map_err(|e| e.problem())?;
        }
        result.map_err(|e| e.problem())
    }

    fn repository(&mut self, url: &str) -> Result<&mut Repository, Problem> {
        if !self.repositories.contains_key(url) {
            let parsed = RemoteUrl::parse(url).map_err(|e| e.problem())?;
            let directory = self.options.store.join(Digest::of(url.as_bytes()).short());
            std::fs::create_dir_all(&directory).map_err(|e| {
                Problem::new(
                    Reason::InternalError,
                    format!("cannot create {}: {}", directory.display(), e.kind()),
                )
            })?;
            let store = Store::open_or_create(&directory, self.options.limits.clone())
                .map_err(|e| e.problem())?;
            let remote = Remote::new(&self.client, parsed, muster_git::Credentials::Anonymous)
                .map_err(|e| e.problem())?;
            self.repositories
                .insert(url.to_owned(), Repository { store, remote });
        }
        self.repositories
            .get_mut(url)
            .ok_or_else(|| Problem::new(Reason::InternalError, "the repository was just added"))
    }
}
