//! `muster agent`: everything put together, until SIGTERM or SIGINT.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use muster_git::{Limits, RemoteUrl};
use muster_kube::{Access, ClusterClient, ParentName, WatchScope};
use muster_model::names::is_dns_label;
use muster_model::{ObjectId, Problem, Reason, RepoPath};
use muster_status::SigningKey;
use muster_sync::OwnObjects;
use tokio::sync::watch;

use crate::adapters::credentials::CredentialStore;
use crate::adapters::git_source::GitSource;
use crate::adapters::git_status::GitStatus;
use crate::adapters::git_thread::{GitOptions, GitThread};
use crate::adapters::kube_cluster::{KubeCluster, reducers};
use crate::admin::{self, Vitals};
use crate::args::AgentArgs;
use crate::commands::repository::http_options;
use crate::config::{AGENT_NAME, Config, KEY_SECRET};
use crate::owner::clock::Clock;
use crate::owner::{Agent, Keys};

/// Two threads suffice for what waits on sockets; the defaults cost memory on a node with many processors.
const WORKERS: usize = 2;
/// Threads for rendering.
const BLOCKING: usize = 4;
/// Bytes of the Secret: 32 for the signing key's seed, 32 for the key of Secrets' digests.
const KEY_BYTES: usize = 64;
/// Pause between attempts to read the keys while the API server is away.
const RETRY: Duration = Duration::from_secs(2);
/// After SIGTERM the process ends within this time, whatever is under way.
const GRACE: Duration = Duration::from_secs(4);

/// Runs the agent.
pub(super) fn run(args: AgentArgs) -> Result<ExitCode, Problem> {
    crate::logging::start(args.log_format, &args.log)
        .map_err(|e| Problem::new(Reason::InvalidField, e))?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
        .map_err(|e| {
            Problem::new(
                Reason::InternalError,
                format!("cannot start the runtime: {e}"),
            )
        })?;
    let result = runtime.block_on(until_stopped(args));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result.map(|()| ExitCode::SUCCESS)
}

async fn until_stopped(args: AgentArgs) -> Result<(), Problem> {
    let (stop, stopped) = watch::channel(false);
    let vitals = Arc::new(Vitals::default());
    let admin = tokio::spawn(admin::serve(
        args.listen,
        Arc::clone(&vitals),
        raised(stopped.clone()),
    ));
    let mut agent = tokio::spawn(keep(args, vitals, stopped));
    tokio::select! {
        result = &mut agent => return ended(result),
        () = signalled() => tracing::info!("stopping"),
        result = admin => {
            let why = match result {
                Ok(Err(error)) => error.to_string(),
                Ok(Ok(())) | Err(_) => "it ended".to_owned(),
            };
            return Err(Problem::new(Reason::InternalError, format!("the admin endpoint does not listen: {why}")).remedy("choose another address with --listen"));
        }
    }
    stop.send_replace(true);
    match tokio::time::timeout(GRACE, agent).await {
        Ok(result) => ended(result),
        Err(_) => Ok(()),
    }
}

fn ended(result: Result<Result<(), Problem>, tokio::task::JoinError>) -> Result<(), Problem> {
    result.unwrap_or_else(|_| {
        Err(Problem::new(
            Reason::InternalError,
            "the agent failed; see the log",
        ))
    })
}

async fn raised(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn keep(
    args: AgentArgs,
    vitals: Arc<Vitals>,
    stopped: watch::Receiver<bool>,
) -> Result<(), Problem> {
    let config = config(&args)?;
    let (hub, status) = (
        url(&args.repo)?,
        url(args.status_repo.as_deref().unwrap_or(&args.repo))?,
    );
    let credentials = CredentialStore::new(args.git.credentials.clone(), &[&hub, &status]);
    let options = |name: &str| -> Result<GitOptions, Problem> {
        Ok(GitOptions {
            store: args.store.join(name),
            http: http_options(&args.git)?,
            limits: Limits::default(),
            credentials: credentials.clone(),
        })
    };
    let client = connect(&args).await?;
    let clock = Clock::starting_at(jiff::Timestamp::now());
    let keys = tokio::select! {
        keys = keys(&client) => keys?,
        () = raised(stopped.clone()) => return Ok(()),
    };
    let status = GitStatus::new(
        GitThread::start("muster-status", options("status")?)?,
        status.as_str().to_owned(),
        &args.cluster,
        keys.signing.clone(),
        clock,
    );
    let agent = Agent {
        source: Arc::new(GitSource::new(GitThread::start(
            "muster-git",
            options("sources")?,
        )?)),
        cluster: Arc::new(KubeCluster::new(client)),
        status: Arc::new(status),
        own: own(&args.namespace, config.namespaces.as_ref()),
        config,
        keys,
        vitals,
        clock,
    };
    agent.run(raised(stopped)).await
}

fn url(text: &str) -> Result<RemoteUrl, Problem> {
    RemoteUrl::parse(text).map_err(|e| e.problem())
}

fn config(args: &AgentArgs) -> Result<Config, Problem> {
    Ok(Config {
        cluster: args.cluster.clone(),
        hub: url(&args.repo)?.as_str().to_owned(),
        revision: args.revision.clone(),
        fleet_file: RepoPath::new(&args.fleet_file)
            .map_err(|e| Problem::new(Reason::PathEscapesRepo, e.to_string()))?,
        namespace: args.namespace.clone(),
        namespaces: namespaces(&args.namespaces)?,
        audit: (!args.audit.is_zero()).then_some(args.audit),
        poll: Duration::from_secs(args.poll_seconds.into()),
        concurrency: args.concurrency.into(),
    })
}

/// Most namespaces that are watched one by one (DESIGN.md section 5): each kind takes a connection in each.
const MOST_NAMESPACES: usize = 10;

/// The scope: every name one that Kubernetes has, and not more than can be watched one by one.
fn namespaces(names: &[String]) -> Result<Option<BTreeSet<String>>, Problem> {
    let names: BTreeSet<String> = names
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    let wrong = |what: String| {
        let problem = Problem::new(Reason::InvalidField, what).field("--namespaces");
        Err(problem.remedy("name at most ten namespaces, or leave it out to look after all"))
    };
    if names.len() > MOST_NAMESPACES {
        return wrong(format!(
            "{} namespaces are more than {MOST_NAMESPACES}",
            names.len()
        ));
    }
    if let Some(name) = names.iter().find(|name| !is_dns_label(name)) {
        return wrong(format!("{name:?} is no namespace"));
    }
    Ok((!names.is_empty()).then_some(names))
}

async fn connect(args: &AgentArgs) -> Result<ClusterClient, Problem> {
    let access = match args
        .kubeconfig
        .as_deref()
        .filter(|path| *path != Path::new(""))
    {
        Some(path) => Access::Kubeconfig(path.to_owned()),
        None => Access::InCluster,
    };
    ClusterClient::connect(muster_kube::Options {
        access,
        parent: ParentName {
            namespace: args.namespace.clone(),
            name: AGENT_NAME.to_owned(),
        },
        field_manager: AGENT_NAME.to_owned(),
        tooling: concat!("muster/v", env!("CARGO_PKG_VERSION")).to_owned(),
        scope: namespaces(&args.namespaces)?.map_or(WatchScope::All, WatchScope::Namespaces),
        reducers: reducers(),
    })
    .await
}

/// Reads the cluster's keys, or makes them; waits while the API server is away.
async fn keys(client: &ClusterClient) -> Result<Keys, Problem> {
    loop {
        match client.load_or_create_secret(KEY_SECRET, random).await {
            Ok(bytes) => return split(&bytes),
            Err(problem) if problem.reason.class() == muster_model::reason::Class::Transient => {
                tracing::warn!(reason = %problem.reason, error = %problem.message, "the keys cannot be read yet");
                tokio::time::sleep(RETRY).await;
            }
            Err(problem) => return Err(problem),
        }
    }
}

fn random() -> Vec<u8> {
    let mut bytes = vec![0; KEY_BYTES];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("because the system has a source of randomness");
    bytes
}

fn split(bytes: &[u8]) -> Result<Keys, Problem> {
    let broken = || {
        Problem::new(
            Reason::InternalError,
            format!("Secret {KEY_SECRET} does not hold {KEY_BYTES} bytes"),
        )
        .remedy("delete it: a new key is made, and statusKeys of the fleet file must follow")
    };
    let (seed, digest) = bytes.split_at_checked(32).ok_or_else(broken)?;
    let seed: &[u8; 32] = seed.try_into().map_err(|_| broken())?;
    if digest.len() != KEY_BYTES - 32 {
        return Err(broken());
    }
    Ok(Keys {
        signing: SigningKey::from_seed(seed),
        digest: digest.to_vec(),
    })
}

/// Name of the Role and RoleBinding in each namespace that the agent looks after.
const RIGHTS: &str = "muster-agent";

/// The objects of `deploy/`, which no Application may touch.
fn own(namespace: &str, scope: Option<&BTreeSet<String>>) -> OwnObjects {
    let here = |group: &str, kind: &str, name: &str| ObjectId::new(group, kind, namespace, name);
    let rbac = "rbac.authorization.k8s.io";
    // What the `restricted` overlay puts into each namespace.
    let rights = scope.into_iter().flatten().flat_map(|name| {
        ["Role", "RoleBinding"].map(|kind| ObjectId::new(rbac, kind, name.as_str(), RIGHTS))
    });
    OwnObjects {
        namespace: namespace.to_owned(),
        objects: [
            here("apps", "Deployment", AGENT_NAME),
            here("", "ServiceAccount", AGENT_NAME),
            here("", "ConfigMap", AGENT_NAME),
            here("", "ConfigMap", "muster-agent"),
            here("", "Secret", KEY_SECRET),
            here("", "Secret", "muster-git"),
            here(rbac, "Role", AGENT_NAME),
            here(rbac, "RoleBinding", AGENT_NAME),
            ObjectId::new(rbac, "ClusterRole", "", AGENT_NAME),
            ObjectId::new(rbac, "ClusterRoleBinding", "", AGENT_NAME),
        ]
        .into_iter()
        .chain(rights)
        .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_at_most_ten_namespaces() {
        let scope = |names: &[&str]| {
            namespaces(
                &names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(scope(&[""]), Ok(None), "an empty variable is none");
        assert_eq!(
            scope(&["shop", " bank", "shop"]),
            Ok(Some(["bank", "shop"].map(ToOwned::to_owned).into()))
        );
        let many: Vec<String> = (0..11).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(scope(&many[..10]).is_ok());
        assert!(scope(&many).is_err());
        assert!(scope(&["Shop"]).is_err());
    }
}
