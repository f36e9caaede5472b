//! One cluster's corner of the world: a hub repository, a status repository, a namespace, and an agent.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use muster_tests::binary;
use muster_tests::git_server::{GitServer, TestRepository};
use muster_tests::testbed::Cluster;
use muster_tests::testbed::process::Process;
use serde_json::{Value, json};

use super::server::{add_namespace, edit, path_of, stays};

/// Longest wait: a busy runner is slow, a test that fails need not be fast.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often is looked.
const GLANCE: Duration = Duration::from_millis(100);
/// Its URL in Argo CD's files, which `self: true` makes the hub repository.
const HUB_URL: &str = "https://git.example.com/your-org/hub.git";

static SITES: AtomicUsize = AtomicUsize::new(0);

/// A hub repository with one Application of plain manifests in `app/`, for one cluster.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    /// The cluster's name in the fleet file, and the namespace of the Application's objects.
    pub(super) name: String,
    /// The agent's own namespace.
    pub(super) home: String,
    pub(super) hub_server: GitServer,
    pub(super) hub: TestRepository,
    pub(super) status: TestRepository,
    status_server: GitServer,
    directory: tempfile::TempDir,
}

impl<'a> Site<'a> {
    /// Commits these objects below `app/` and everything that makes them an Application.
    pub(super) fn new(cluster: &'a Cluster, objects: &[Value]) -> Self {
        let name = format!("site-{}", SITES.fetch_add(1, Ordering::Relaxed));
        let home = format!("{name}-agent");
        add_namespace(cluster, &name);
        add_namespace(cluster, &home);
        Self::at(cluster, name, home, objects)
    }

    /// The same with an agent's namespace that is there already.
    pub(super) fn with_home(cluster: &'a Cluster, home: &str, objects: &[Value]) -> Self {
        let name = format!("site-{}", SITES.fetch_add(1, Ordering::Relaxed));
        add_namespace(cluster, &name);
        Self::at(cluster, name, home.to_owned(), objects)
    }

    /// The same with a name and a namespace that are given.
    pub(super) fn named(cluster: &'a Cluster, name: &str, home: &str, objects: &[Value]) -> Self {
        add_namespace(cluster, name);
        Self::at(cluster, name.to_owned(), home.to_owned(), objects)
    }

    fn at(cluster: &'a Cluster, name: String, home: String, objects: &[Value]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("muster-site-")
            .tempdir()
            .expect("a temporary directory");
        let hub_server = GitServer::start(&directory.path().join("hub"));
        let status_server = GitServer::start(&directory.path().join("status"));
        let (hub, status) = (hub_server.create("hub"), status_server.create("status"));
        let site = Self {
            cluster,
            name,
            home,
            hub_server,
            hub,
            status,
            status_server,
            directory,
        };
        site.commit(&site.files(objects));
        site
    }

    /// Everything that makes these objects the Application.
    pub(super) fn files(&self, objects: &[Value]) -> Vec<(String, String)> {
        let fleet = ("fleet.yaml".to_owned(), self.fleet(&self.name, ""));
        let argo = ("argocd.yaml".to_owned(), self.argo(&Argo::default()));
        let manifests = objects
            .iter()
            .map(|object| (file_of(object), object.to_string()));
        [fleet, argo].into_iter().chain(manifests).collect()
    }

    /// Force-pushes another history, of these files alone.
    pub(super) fn rewrite(&self, files: &[(String, String)]) {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), Some(text.as_bytes())))
            .collect();
        self.hub.commit("main", None, "another history", &files);
    }

    /// The fleet file, with one cluster and more lines of the spec.
    pub(super) fn fleet(&self, cluster: &str, more: &str) -> String {
        format!(
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: sites}}\nspec:\n  clusters:\n    - name: {cluster}\n  \
             repositories:\n    - url: {HUB_URL}\n      self: true\n  resources: [argocd.yaml]\n{more}"
        )
    }

    /// Argo CD's files.
    pub(super) fn argo(&self, argo: &Argo<'_>) -> String {
        let Argo { project, .. } = argo;
        let project = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: all, namespace: argocd}}\nspec:\n  sourceRepos: ['*']\n  \
             destinations: [{{server: '*', namespace: '*'}}]\n  clusterResourceWhitelist: [{{group: '*', kind: '*'}}]\n{project}"
        );
        let applications = argo.applications.iter().map(|app| self.application(app));
        project + &applications.collect::<String>()
    }

    fn application(&self, app: &App<'_>) -> String {
        let Self { name, .. } = self;
        let App {
            name: app_name,
            path,
            metadata,
            policy,
            spec,
        } = app;
        format!(
            "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {app_name}, namespace: argocd{metadata}}}\nspec:\n  project: all\n  \
             source: {{repoURL: {HUB_URL}, targetRevision: main, path: {path}}}\n  destination: {{name: {name}, namespace: {name}}}\n  \
             syncPolicy: {{{policy}}}\n{spec}"
        )
    }

    /// Commits other Argo CD files.
    pub(super) fn commit_argo(&self, argo: &Argo<'_>) -> String {
        self.commit(&[("argocd.yaml".to_owned(), self.argo(argo))])
    }

    /// Puts objects of the Application on the hub repository's main branch.
    pub(super) fn deliver(&self, objects: &[Value]) -> String {
        let files: Vec<_> = objects
            .iter()
            .map(|object| (file_of(object), object.to_string()))
            .collect();
        self.commit(&files)
    }

    /// Puts files on the hub repository's main branch.
    pub(super) fn commit(&self, files: &[(String, String)]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect();
        self.hub.commit_files("main", &files)
    }

    /// The path of a ConfigMap of the Application.
    pub(super) fn config_map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.name)
    }

    /// A value of a ConfigMap of the Application.
    pub(super) fn value(&self, name: &str, key: &str) -> Value {
        self.cluster.get(&self.config_map(name)).json()["data"][key].clone()
    }

    /// Starts an agent with a kubeconfig and more arguments.
    pub(super) fn start_with(&self, kubeconfig: &Path, more: &[&str]) -> Agent {
        let mut arguments = self.arguments(kubeconfig);
        arguments.extend(more.iter().map(|text| (*text).to_owned()));
        Agent::start(&self.directory.path().join("agent"), &arguments)
    }

    /// Starts an agent as admin.
    pub(super) fn start(&self) -> Agent {
        self.start_as(&self.cluster.kubeconfig_path)
    }

    /// Starts an agent with a kubeconfig.
    pub(super) fn start_as(&self, kubeconfig: &Path) -> Agent {
        Agent::start(
            &self.directory.path().join("agent"),
            &self.arguments(kubeconfig),
        )
    }

    /// The whole command line of an agent as admin.
    pub(super) fn command_line(&self, listen: SocketAddr) -> Vec<String> {
        command_line(
            &self.directory.path().join("agent"),
            listen,
            &self.arguments(&self.cluster.kubeconfig_path),
        )
    }

    /// The same with a store of its own: a second agent beside another.
    pub(super) fn second_command_line(&self, listen: SocketAddr) -> Vec<String> {
        command_line(
            &self.directory.path().join("second"),
            listen,
            &self.arguments(&self.cluster.kubeconfig_path),
        )
    }

    /// The command line of an agent, without its address and its store.
    fn arguments(&self, kubeconfig: &Path) -> Vec<String> {
        let kubeconfig = kubeconfig.display().to_string();
        let pairs = [
            ("--cluster", self.name.as_str()),
            ("--repo", self.hub.url()),
            ("--status-repo", self.status.url()),
            ("--kubeconfig", &kubeconfig),
            ("--namespace", &self.home),
        ];
        pairs
            .iter()
            .flat_map(|(key, value)| [(*key).to_owned(), (*value).to_owned()])
            .collect()
    }

    /// What the cluster said last of itself; null when it has said nothing.
    pub(super) fn said(&self) -> Value {
        debug_assert!(!self.status_server.url().is_empty(), "the server runs");
        let reference = format!("refs/fleet/status/{}", self.name);
        let Some(commit) = self.status.rev(&reference) else {
            return Value::Null;
        };
        let text = self.status.git(&["show", &format!("{commit}:status.json")]);
        serde_json::from_str(&text).expect("a status is JSON")
    }

    /// Waits until the agent says what `wanted` looks for.
    pub(super) fn says(&self, agent: &Agent, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = || Some(self.said()).filter(|said| wanted(said));
        agent.eventually(look, || {
            format!("the status has {what}; it has {:#}", self.said())
        })
    }

    /// Waits until the Application is in sync, and nothing is wrong, at this commit.
    pub(super) fn is_synced(&self, agent: &Agent) -> Value {
        let commit = self.hub.rev("main").expect("the branch is there");
        self.says(agent, &format!("all in sync at {commit}"), |said| {
            let application = &said["applications"]["all/app"];
            said["hub"]["commitId"] == commit.as_str()
                && application["sync"] == "Synced"
                && problems(said).is_empty()
        })
    }

    /// Waits until a problem with this reason says this.
    pub(super) fn explains(&self, agent: &Agent, reason: &str, text: &str) {
        self.says(agent, &format!("{reason} with {text:?}"), |said| {
            problems(said)
                .iter()
                .any(|problem| problem["reason"] == reason && problem.to_string().contains(text))
        });
    }

    /// Waits until a reason is named.
    pub(super) fn names(&self, agent: &Agent, reason: &str) -> Value {
        self.says(agent, reason, |said| {
            problems(said)
                .iter()
                .any(|problem| problem["reason"] == reason)
        })
    }

    /// Changes a ConfigMap by hand and waits until its value is Git's again.
    pub(super) fn heals(&self, agent: &Agent, name: &str, key: &str) {
        let (path, before) = (self.config_map(name), self.value(name, key));
        edit(
            self.cluster,
            &path,
            &json!({"data": {key: "changed by hand"}}),
        );
        self.waits(agent, "the drift is healed", || {
            self.value(name, key) == before
        });
    }

    /// Waits until something holds.
    pub(super) fn waits(&self, agent: &Agent, what: &str, holds: impl Fn() -> bool) {
        agent.eventually(
            || holds().then_some(()),
            || format!("{what}; the status has {:#}", self.said()),
        );
    }

    /// Takes the files of these objects off the hub repository's main branch.
    pub(super) fn withdraw(&self, objects: &[Value]) {
        let paths: Vec<String> = objects.iter().map(file_of).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        self.hub.delete_files("main", &paths);
    }

    /// Where an object of the Application is served.
    pub(super) fn path_of(&self, object: &Value) -> String {
        let mut object = object.clone();
        object["metadata"]["namespace"] = self.name.clone().into();
        path_of(self.cluster, &object)
    }

    /// A field of the metadata of each of these objects, none of which may be going.
    pub(super) fn metadata(&self, objects: &[Value], field: &str) -> Vec<String> {
        let one = |object: &Value| {
            let path = self.path_of(object);
            assert!(stays(self.cluster, &path), "{path} is there");
            self.cluster.get(&path).json()["metadata"][field].to_string()
        };
        objects.iter().map(one).collect()
    }
}

/// The usual policy where nobody collects garbage: what is deleted goes at once.
pub(super) const BACKGROUND: &str =
    "automated: {prune: true, selfHeal: true}, syncOptions: [PrunePropagationPolicy=background]";

/// What is particular to the Argo CD files of a test.
#[derive(Debug, Clone)]
pub(super) struct Argo<'a> {
    /// Lines under the project's spec, indented by two.
    pub(super) project: &'a str,
    /// The Applications.
    pub(super) applications: Vec<App<'a>>,
}

/// An Application.
#[derive(Debug, Clone)]
pub(super) struct App<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its directory.
    pub(super) path: &'a str,
    /// More members of its metadata, beginning with a comma.
    pub(super) metadata: &'a str,
    /// The members of its sync policy.
    pub(super) policy: &'a str,
    /// More lines of its spec, indented by two.
    pub(super) spec: &'a str,
}

impl Default for App<'_> {
    fn default() -> Self {
        Self {
            name: "app",
            path: "app",
            metadata: "",
            policy: "automated: {prune: true, selfHeal: true}",
            spec: "",
        }
    }
}

impl Default for Argo<'_> {
    fn default() -> Self {
        Self::of(App::default())
    }
}

impl<'a> Argo<'a> {
    /// One Application.
    pub(super) fn of(application: App<'a>) -> Self {
        Self {
            project: "",
            applications: vec![application],
        }
    }

    /// One Application with this sync policy.
    pub(super) fn that(policy: &'a str) -> Self {
        Self::of(App {
            policy,
            ..App::default()
        })
    }
}

/// A ConfigMap as a file of the Application has it. JSON is YAML.
pub(super) fn config_map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A StatefulSet of no pods.
pub(super) fn stateful_set(name: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "example/main:1"}]},
            },
        },
    })
}

/// The file an object is committed in.
fn file_of(object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    format!(
        "app/{}-{}.yaml",
        text("/kind").to_lowercase(),
        text("/metadata/name")
    )
}

/// Every problem of a status.
pub(super) fn problems(said: &Value) -> Vec<Value> {
    let of = |holder: &Value| holder["problems"].as_array().cloned().unwrap_or_default();
    let applications = said["applications"].as_object().into_iter().flatten();
    let theirs = applications.flat_map(|(_, application)| of(application));
    of(said).into_iter().chain(theirs).collect()
}

/// A running agent, killed when dropped.
#[derive(Debug)]
pub(super) struct Agent {
    _process: Process,
    address: SocketAddr,
    log: PathBuf,
}

impl Agent {
    /// Starts one whose store and log lie in `directory`.
    pub(super) fn start(directory: &Path, arguments: &[String]) -> Self {
        fs::create_dir_all(directory).expect("a directory");
        let address = free_address();
        let arguments = command_line(directory, address, arguments);
        let process = Process::start("agent", &binary("muster"), &arguments, directory)
            .expect("the agent starts");
        Self {
            _process: process,
            address,
            log: directory.join("agent.log"),
        }
    }

    /// Whether the admin endpoint at this address answers with 200.
    pub(super) fn answers(address: SocketAddr, path: &str) -> bool {
        ask(address, path).is_some_and(|answer| answer.starts_with("HTTP/1.0 200"))
    }

    /// What it logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What its admin endpoint answers: the status line and everything after it.
    pub(super) fn asked(&self, path: &str) -> Option<String> {
        ask(self.address, path)
    }

    /// Whether a path is answered with 200.
    pub(super) fn is_well(&self, path: &str) -> bool {
        Self::answers(self.address, path)
    }

    /// Looks again and again until something is found.
    pub(super) fn eventually<T>(
        &self,
        look: impl Fn() -> Option<T>,
        what: impl Fn() -> String,
    ) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            let log = || self.log();
            assert!(
                begun.elapsed() < PATIENCE,
                "in {PATIENCE:?} {}\nthe agent's log:\n{}",
                what(),
                log()
            );
            std::thread::sleep(GLANCE);
        }
    }
}

/// What every agent is told, and `arguments`.
fn command_line(directory: &Path, listen: SocketAddr, arguments: &[String]) -> Vec<String> {
    let (store, listen) = (
        directory.join("store").display().to_string(),
        listen.to_string(),
    );
    let all = [
        "agent",
        "--store",
        &store,
        "--listen",
        &listen,
        "--poll-seconds",
        "1",
        "--log-format",
        "json",
    ];
    all.iter()
        .map(|text| (*text).to_owned())
        .chain(arguments.iter().cloned())
        .collect()
}

/// A request to an admin endpoint, and everything it answers.
fn ask(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// An address nobody listens on at this moment.
pub(super) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}
