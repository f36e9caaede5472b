//! A real Kubernetes control plane on loopback: one etcd, one kube-apiserver for each cluster, and on request the
//! controllers, the scheduler and KWOK, which makes pods Ready without running them.
//!
//! ```text
//!   Testbed ── etcd ◀── prefix /hub ── kube-apiserver ── Cluster "hub" (kubeconfig, tokens)
//!      │          ◀── prefix /east ── kube-apiserver ── Cluster "east" ── controller-manager, scheduler, kwok
//!      └ directory: data, certificates, one log for each process; kept and named when a test fails
//! ```
//!
//! Every process is killed hard when its handle is dropped, and when this process ends in whatever way.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;

#[path = "testbed/https.rs"]
pub mod https;
#[path = "testbed/process.rs"]
pub mod process;

pub use https::{Answer, Https};
use process::Process;

/// Longest wait for a process to be ready. An API server takes 4 s alone on two cores; a busy CI runner ten times that.
const READY: Duration = Duration::from_secs(90);
/// How often readiness is looked at.
const POLL: Duration = Duration::from_millis(100);
/// Starts tried when a process ends at once: the free port chosen for it may have been taken meanwhile.
const STARTS: usize = 3;

/// Token of the user `admin` in `system:masters`.
pub const ADMIN_TOKEN: &str = "testbed-admin";
/// Token of the user `restricted`, who may do nothing until a test binds a role.
pub const RESTRICTED_TOKEN: &str = "testbed-restricted";

/// Why a control plane could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// A program is not built.
    #[error("{program} is not in {dir}: run `make testbed`, or point KUBEBUILDER_ASSETS at it")]
    Missing {
        /// The program.
        program: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// A file or a process could not be made.
    #[error("cannot {what}")]
    Io {
        /// The operation and its object.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A process ended, or was not ready in time.
    #[error("{name} is not ready: {why}; see {}", log.display())]
    NotReady {
        /// The process.
        name: String,
        /// What was seen last.
        why: String,
        /// Its log.
        log: PathBuf,
    },
    /// The API server refused what the testbed needs.
    #[error("cannot {what}: HTTP {status}")]
    Refused {
        /// The operation and its object.
        what: String,
        /// The status code.
        status: u16,
    },
}

impl TestbedError {
    fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }
}

/// Where the control plane's programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// `KUBEBUILDER_ASSETS`, else `muster/testbed/bin` in `XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// When etcd or kube-apiserver is not there.
    pub fn find() -> Result<Self, TestbedError> {
        let cache = || {
            std::env::var_os("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
                .unwrap_or_default()
                .join("muster/testbed/bin")
        };
        let dir = std::env::var_os("KUBEBUILDER_ASSETS").map_or_else(cache, PathBuf::from);
        let programs = Self { dir };
        programs.path("etcd")?;
        programs.path("kube-apiserver")?;
        Ok(programs)
    }

    /// The programs, or `None` after saying that the tests are skipped. In CI (`CI=true`) their absence is a failure.
    ///
    /// # Panics
    /// In CI, when a program is missing.
    #[must_use]
    #[expect(
        clippy::panic,
        clippy::print_stdout,
        reason = "for the main function of a test binary"
    )]
    pub fn find_or_skip() -> Option<Self> {
        match Self::find() {
            Ok(programs) => Some(programs),
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{error}"),
            Err(error) => {
                println!("SKIPPED: {error}");
                None
            }
        }
    }

    fn path(&self, program: &str) -> Result<PathBuf, TestbedError> {
        let path = self.dir.join(program);
        if path.is_file() {
            return Ok(path);
        }
        Err(TestbedError::Missing {
            program: program.to_owned(),
            dir: self.dir.clone(),
        })
    }

    /// KWOK's stages, put beside the programs when they are built, and ours.
    fn stages(&self) -> Result<Vec<PathBuf>, TestbedError> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("testbed/stages");
        let mut stages = Vec::new();
        for dir in [self.dir.join("../kwok-stages"), ours] {
            let entries = fs::read_dir(&dir).map_err(|_| TestbedError::Missing {
                program: "KWOK's stages".to_owned(),
                dir: dir.clone(),
            })?;
            stages.extend(entries.flatten().map(|entry| entry.path()));
        }
        stages.sort();
        Ok(stages)
    }
}

/// One etcd and what clusters share. Clusters must be dropped before it.
#[derive(Debug)]
pub struct Testbed {
    programs: Programs,
    dir: Directory,
    etcd_port: u16,
    _etcd: Process,
}

/// The testbed's directory: temporary unless one was given, and kept when a test fails.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    temporary: Mutex<Option<tempfile::TempDir>>,
}

impl Directory {
    #[expect(clippy::print_stdout, reason = "for whoever looks into a failed test")]
    fn keep(&self) {
        let dir = self
            .temporary
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(dir) = dir {
            println!("the control plane's logs: {}", dir.keep().display());
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}

impl Testbed {
    /// Starts etcd in a temporary directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(programs: Programs) -> Result<Self, TestbedError> {
        let dir = tempfile::Builder::new()
            .prefix("muster-testbed-")
            .tempdir()
            .map_err(TestbedError::io("make a temporary directory"))?;
        let directory = Directory {
            path: dir.path().to_owned(),
            temporary: Mutex::new(Some(dir)),
        };
        Self::start_in(programs, directory)
    }

    /// Starts etcd in a directory that stays.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_at(programs: Programs, dir: &Path) -> Result<Self, TestbedError> {
        let directory = Directory {
            path: dir.to_owned(),
            temporary: Mutex::new(None),
        };
        Self::start_in(programs, directory)
    }

    fn start_in(programs: Programs, dir: Directory) -> Result<Self, TestbedError> {
        fs::create_dir_all(&dir.path)
            .map_err(TestbedError::io(format!("make {}", dir.path.display())))?;
        write_shared_files(&dir.path)?;
        let program = programs.path("etcd")?;
        let (etcd, etcd_port) = retry(|| {
            let [port, peer] = free_ports()?;
            let args = [
                "--data-dir".to_owned(),
                dir.path.join("etcd").display().to_string(),
                format!("--listen-client-urls=http://127.0.0.1:{port}"),
                format!("--advertise-client-urls=http://127.0.0.1:{port}"),
                format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
                "--unsafe-no-fsync".to_owned(),
            ];
            let etcd = Process::start("etcd", &program, &args, &dir.path)?;
            etcd.wait_until(READY, POLL, || {
                https::is_healthy(port)
                    .then_some(())
                    .ok_or("no answer".to_owned())
            })?;
            Ok((etcd, port))
        })?;
        Ok(Self {
            programs,
            dir,
            etcd_port,
            _etcd: etcd,
        })
    }

    /// Keeps the temporary directory and says where it is: for a run that failed.
    pub fn keep(&self) {
        self.dir.keep();
    }

    /// Where data, certificates and logs are.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir.path
    }

    /// Starts the API server of a cluster, with its own part of etcd, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the error names its log.
    pub fn cluster(&self, name: &str) -> Result<Cluster, TestbedError> {
        let dir = self.dir.path.join(name);
        fs::create_dir_all(&dir).map_err(TestbedError::io(format!("make {}", dir.display())))?;
        let program = self.programs.path("kube-apiserver")?;
        let (server, port) = retry(|| {
            let [port] = free_ports()?;
            let args = self.server_args(name, &dir, port);
            let server = Server::new(&program, args, &dir, port)?;
            Ok((server, port))
        })?;
        let ca = read(&dir.join("apiserver.crt"))?;
        let cluster = Cluster {
            name: name.to_owned(),
            kubeconfig_path: dir.join("kubeconfig"),
            url: format!("https://127.0.0.1:{port}"),
            token: ADMIN_TOKEN.to_owned(),
            https: Https::new(port, &ca, ADMIN_TOKEN),
            ca,
            dir,
            programs: self.programs.clone(),
            shared: self.dir.path.clone(),
            server,
            processes: Vec::new(),
        };
        cluster.write_kubeconfig(&cluster.kubeconfig_path, ADMIN_TOKEN)?;
        Ok(cluster)
    }

    fn server_args(&self, name: &str, dir: &Path, port: u16) -> Vec<String> {
        let shared = &self.dir.path;
        vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
            format!("--etcd-prefix=/{name}"),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", dir.display()),
            format!(
                "--service-account-key-file={}",
                shared.join("sa.pub").display()
            ),
            format!(
                "--service-account-signing-key-file={}",
                shared.join("sa.key").display()
            ),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
            format!("--token-auth-file={}", shared.join("tokens.csv").display()),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ]
    }
}

/// The API server of a cluster, running or stopped.
#[derive(Debug)]
struct Server {
    program: PathBuf,
    args: Vec<String>,
    dir: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Server {
    fn new(program: &Path, args: Vec<String>, dir: &Path, port: u16) -> Result<Self, TestbedError> {
        let mut server = Self {
            program: program.to_owned(),
            args,
            dir: dir.to_owned(),
            port,
            process: None,
        };
        server.start()?;
        Ok(server)
    }

    fn start(&mut self) -> Result<(), TestbedError> {
        let process = Process::start("kube-apiserver", &self.program, &self.args, &self.dir)?;
        process.wait_until(READY, POLL, || is_ready(self.port, &self.dir))?;
        self.process = Some(process);
        Ok(())
    }
}

/// One cluster: its address, its credentials and the processes that make it.
#[derive(Debug)]
pub struct Cluster {
    /// Its name, also its prefix in etcd.
    pub name: String,
    /// A kubeconfig for `admin`.
    pub kubeconfig_path: PathBuf,
    /// `https://127.0.0.1:<port>`.
    pub url: String,
    /// The bearer token of `admin`.
    pub token: String,
    /// The certificate authority, PEM.
    pub ca: String,
    https: Https,
    dir: PathBuf,
    programs: Programs,
    shared: PathBuf,
    server: Server,
    processes: Vec<Process>,
}

impl Cluster {
    /// One request as `admin`, for arranging and looking; `body` is JSON.
    ///
    /// # Panics
    /// When the API server does not answer.
    #[must_use]
    #[expect(clippy::panic, reason = "a test fails by panicking")]
    pub fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        self.https
            .request(method, path, content_type, body)
            .unwrap_or_else(|error| panic!("{method} {path} on {}: {error}", self.name))
    }

    /// `GET` as `admin`.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", "")
    }

    /// `POST` as `admin`.
    #[must_use]
    pub fn create(&self, path: &str, body: &serde_json::Value) -> Answer {
        self.request("POST", path, "application/json", &body.to_string())
    }

    /// Writes a kubeconfig for another token beside the admin's.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kubeconfig_for(&self, token: &str) -> Result<PathBuf, TestbedError> {
        let path = self.dir.join(format!("kubeconfig-{token}"));
        self.write_kubeconfig(&path, token)?;
        Ok(path)
    }

    /// Kills the API server: an outage.
    pub fn stop_server(&mut self) {
        self.server.process = None;
    }

    /// Starts the API server again, at the same address.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_server(&mut self) -> Result<(), TestbedError> {
        self.server.start()
    }

    /// Starts the controller manager: Deployments get ReplicaSets, ReplicaSets pods, Namespaces go away.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_controllers(&mut self) -> Result<(), TestbedError> {
        // Without metrics it would call every autoscaler unable to scale; testbed/stages plays it instead.
        self.start_some_controllers("*,-horizontal-pod-autoscaler-controller")
    }

    /// Starts the controller manager with these controllers only, as its flag names them.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_some_controllers(&mut self, names: &str) -> Result<(), TestbedError> {
        let args = [
            format!("--kubeconfig={}", self.kubeconfig_path.display()),
            format!(
                "--service-account-private-key-file={}",
                self.shared.join("sa.key").display()
            ),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
            format!("--controllers={names}"),
        ];
        self.start_process("kube-controller-manager", &args)
    }

    /// Starts the scheduler and KWOK, with `count` nodes on which every pod becomes Ready.
    ///
    /// # Errors
    /// When a process cannot be started, or a node cannot be made.
    pub fn start_nodes(&mut self, count: usize) -> Result<(), TestbedError> {
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig_path.display());
        let scheduler = [
            kubeconfig.clone(),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        self.start_process("kube-scheduler", &scheduler)?;
        let mut kwok = vec![
            kubeconfig,
            "--manage-all-nodes=true".to_owned(),
            "--node-lease-duration-seconds=40".to_owned(),
        ];
        for stage in self.programs.stages()? {
            kwok.push(format!("--config={}", stage.display()));
        }
        self.start_process("kwok", &kwok)?;
        for index in 0..count {
            let answer = self.create("/api/v1/nodes", &node(&format!("node-{index}")));
            if answer.status != 201 && answer.status != 409 {
                return Err(TestbedError::Refused {
                    what: "make a node".to_owned(),
                    status: answer.status,
                });
            }
        }
        Ok(())
    }

    fn start_process(&mut self, program: &str, args: &[String]) -> Result<(), TestbedError> {
        let path = self.programs.path(program)?;
        let process = Process::start(program, &path, args, &self.dir)?;
        self.processes.push(process);
        Ok(())
    }

    fn write_kubeconfig(&self, path: &Path, token: &str) -> Result<(), TestbedError> {
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.name,
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": "user"}}],
            "clusters": [{"name": self.name, "cluster": {
                "server": self.url,
                "certificate-authority": self.dir.join("apiserver.crt"),
            }}],
            "users": [{"name": "user", "user": {"token": token}}],
        });
        write(path, &config.to_string())
    }
}

/// A node that KWOK keeps alive, roomy enough for any test.
fn node(name: &str) -> serde_json::Value {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1Ti"});
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"},
        },
        "status": {"allocatable": room, "capacity": room},
    })
}

/// The service-account key pair and the users, the same for all clusters of a testbed.
fn write_shared_files(dir: &Path) -> Result<(), TestbedError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(|error| TestbedError::io("make a key")(std::io::Error::other(error)))?;
    write(&dir.join("sa.key"), &key.serialize_pem())?;
    write(&dir.join("sa.pub"), &key.public_key_pem())?;
    let users = format!("{ADMIN_TOKEN},admin,1,system:masters\n{RESTRICTED_TOKEN},restricted,2\n");
    write(&dir.join("tokens.csv"), &users)
}

/// Ready: `/readyz` says ok and the namespace `default` is there.
fn is_ready(port: u16, dir: &Path) -> Result<(), String> {
    let ca = fs::read_to_string(dir.join("apiserver.crt")).map_err(|_| "no certificate yet")?;
    let https = Https::new(port, &ca, ADMIN_TOKEN);
    for path in ["/readyz", "/api/v1/namespaces/default"] {
        let answer = https
            .request("GET", path, "", "")
            .map_err(|e| e.to_string())?;
        if answer.status != 200 {
            return Err(format!("{path} answers {}", answer.status));
        }
    }
    Ok(())
}

/// Ports nobody listens on at this moment.
fn free_ports<const N: usize>() -> Result<[u16; N], TestbedError> {
    let mut ports = [0; N];
    let mut listeners = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .map_err(TestbedError::io("find a free port"))?;
        *port = listener
            .local_addr()
            .map_err(TestbedError::io("find a free port"))?
            .port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn retry<T>(mut start: impl FnMut() -> Result<T, TestbedError>) -> Result<T, TestbedError> {
    let begun = Instant::now();
    let mut result = start();
    for _ in 1..STARTS {
        if result.is_ok() || begun.elapsed() > READY {
            break;
        }
        result = start();
    }
    result
}

fn read(path: &Path) -> Result<String, TestbedError> {
    fs::read_to_string(path).map_err(TestbedError::io(format!("read {}", path.display())))
}

/// Files written so far, for names of their own.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

fn write(path: &Path, text: &str) -> Result<(), TestbedError> {
    // Tests that run side by side write one file: each reader sees a whole one.
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let whole = path.with_extension(format!("{number}.new"));
    fs::write(&whole, text)
        .and_then(|()| fs::rename(&whole, path))
        .map_err(TestbedError::io(format!("write {}", path.display())))
}
