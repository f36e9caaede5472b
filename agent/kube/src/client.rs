//! One cluster, seen through its API server.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kube::Client;
use muster_model::observed::{Discovery, Record};
use muster_model::{GroupKind, Gvk, Node, Problem, ServiceAccount, marks};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use crate::access::Access;
use crate::failure::Failure;
use crate::resource::Resource;
use crate::transport::Transport;

/// Youngest age at which discovery is asked again for a kind it lacks: a burst of such effects asks once.
const REDISCOVER: Duration = Duration::from_secs(1);

/// Reduces a live object, or its metadata alone, to what decisions need.
pub type Reduce = Arc<dyn Fn(&Node) -> Record + Send + Sync>;
/// Reduces the answer to an apply: what was sent, what came back.
pub type ReduceResponse = Arc<dyn Fn(&Node, &Node) -> Record + Send + Sync>;

/// Compares what was sent, the live object, and what an apply would make of it: fields that drifted, fields that a
/// webhook rewrites.
pub type Audit = Arc<dyn Fn(&Node, &Node, &Node) -> (Vec<String>, Vec<String>) + Send + Sync>;

/// How live objects become records. They are pure functions of the decision crates, handed in.
#[derive(Clone)]
pub struct Reducers {
    /// For watches and probes.
    pub live: Reduce,
    /// For answers to an apply.
    pub response: ReduceResponse,
    /// For audits.
    pub audit: Audit,
    /// Whether a kind is watched whole because its health is assessed; others are watched by metadata alone.
    pub whole: Arc<dyn Fn(&GroupKind) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Reducers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reducers")
    }
}

/// Where the ApplySet parent lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentName {
    /// The agent's namespace.
    pub namespace: String,
    /// The ConfigMap, normally `muster`.
    pub name: String,
}

impl ParentName {
    /// The id of its ApplySet, the value of every member's `part-of` label.
    #[must_use]
    pub fn applyset(&self) -> String {
        marks::applyset_id(&self.name, &self.namespace)
    }
}

/// Which namespaces are watched. Cluster-scoped kinds are always watched as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchScope {
    /// Every namespace.
    All,
    /// These alone, at most ten (DESIGN.md section 5).
    Namespaces(BTreeSet<String>),
}

/// What the client must be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address and credentials.
    pub access: Access,
    /// The ApplySet parent.
    pub parent: ParentName,
    /// The field manager until [`ClusterClient::manage_as`] names another.
    pub field_manager: String,
    /// The `tooling` annotation of the parent: `muster/v<semver>`.
    pub tooling: String,
    /// Which namespaces are watched.
    pub scope: WatchScope,
    /// How live objects become records.
    pub reducers: Reducers,
}

/// One cluster. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClusterClient {
    pub(crate) inner: Arc<Inner>,
    /// Whom effects are carried out as, instead of the agent itself.
    pub(crate) account: Option<Arc<ServiceAccount>>,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) parent: ParentName,
    pub(crate) applyset: String,
    field_manager: std::sync::RwLock<Arc<str>>,
    pub(crate) tooling: String,
    pub(crate) scope: WatchScope,
    pub(crate) reducers: Reducers,
    known: RwLock<Option<Arc<Known>>>,
    asking: Mutex<()>,
}

/// The last discovery and when it was asked for.
#[derive(Debug)]
struct Known {
    at: Instant,
    discovery: Discovery,
}

impl ClusterClient {
    /// Prepares the connection; the first request is sent by the first call.
    ///
    /// # Errors
    /// When there are no usable credentials.
    pub async fn connect(options: Options) -> Result<Self, Problem> {
        let client = options.access.connect().await?;
        Ok(Self::over(client, options))
    }

    /// The same over a connection that is there.
    pub(crate) fn over(client: Client, options: Options) -> Self {
        let Options {
            access: _,
            parent,
            field_manager,
            tooling,
            scope,
            reducers,
        } = options;
        Self {
            inner: Arc::new(Inner {
                transport: Transport::new(client),
                applyset: parent.applyset(),
                parent,
                field_manager: std::sync::RwLock::new(field_manager.into()),
                tooling,
                scope,
                reducers,
                known: RwLock::new(None),
                asking: Mutex::new(()),
            }),
            account: None,
        }
    }

    /// The field manager of every apply from now on: the fleet's name is known only once its file was read.
    pub fn manage_as(&self, manager: &str) {
        let mut current = self
            .inner
            .field_manager
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if **current != *manager {
            *current = manager.into();
        }
    }

    /// Every served kind: two requests. Groups whose server does not answer are named (HAZARDS.md T-60).
    ///
    /// # Errors
    /// When the API server does not answer.
    pub async fn discover(&self) -> Result<Discovery, Problem> {
        let _one_at_a_time = self.inner.asking.lock().await;
        let known = self.inner.ask().await.map_err(Failure::into_problem)?;
        Ok(known.discovery.clone())
    }
}

impl Inner {
    /// The field manager of every apply.
    pub(crate) fn field_manager(&self) -> Arc<str> {
        Arc::clone(
            &self
                .field_manager
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    async fn ask(&self) -> Result<Arc<Known>, Failure> {
        let at = Instant::now();
        let discovery = crate::discovery::ask(&self.transport).await?;
        let known = Arc::new(Known { at, discovery });
        *self.known.write().await = Some(known.clone());
        Ok(known)
    }

    /// How a kind is reached at its preferred version; discovery is asked again for a kind it did not know.
    pub(crate) async fn resource(&self, kind: &GroupKind) -> Result<Resource, Failure> {
        self.find(|known| Resource::of(kind, known))
            .await?
            .ok_or_else(|| Failure::kind_missing(kind))
    }

    /// The same at a given version.
    pub(crate) async fn resource_at(&self, gvk: &Gvk) -> Result<Resource, Failure> {
        let kind = gvk.group_kind();
        let found = self
            .find(|known| Resource::of(&kind, known)?.at_version(&gvk.version))
            .await?;
        match found {
            Some(resource) => Ok(resource),
            None => {
                self.resource(&kind).await?;
                Err(Failure::version_missing(&kind, &gvk.version))
            }
        }
    }

    /// Looks at what discovery said, and at what it says now when that was not enough.
    async fn find<T>(&self, look: impl Fn(&Discovery) -> Option<T>) -> Result<Option<T>, Failure> {
        let last = self.known.read().await.clone();
        if let Some(found) = last.and_then(|known| look(&known.discovery)) {
            return Ok(Some(found));
        }
        let _one_at_a_time = self.asking.lock().await;
        let last = self.known.read().await.clone();
        let known = match last {
            Some(known) if known.at.elapsed() < REDISCOVER => known,
            Some(_) | None => self.ask().await?,
        };
        Ok(look(&known.discovery))
    }

    /// The reduced object.
    pub(crate) fn reduce(&self, object: &Node) -> Record {
        (self.reducers.live)(object)
    }
}
