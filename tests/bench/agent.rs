//! The agent as it is shipped, watched from outside: its metrics, and what the kernel says of its process.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use muster_tests::binary;
use muster_tests::testbed::Cluster;
use muster_tests::testbed::process::Process;

use crate::fleet::CLUSTER;
use crate::stop::{Stop, stop};

/// The agent's own namespace.
pub(crate) const HOME: &str = "muster-system";
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often is looked while something large is going on: rare enough to cost nothing.
const GLANCE: Duration = Duration::from_millis(200);

/// A running agent.
pub(crate) struct Agent {
    process: Process,
    address: SocketAddr,
    /// When it was started.
    pub(crate) begun: Instant,
}

impl Agent {
    /// Starts one; its store and log go to `directory`, and stay there for the next.
    pub(crate) fn start(
        cluster: &Cluster,
        hub: &str,
        status: &str,
        directory: &Path,
    ) -> Result<Self, Stop> {
        std::fs::create_dir_all(directory).map_err(stop)?;
        let address = free_address()?;
        let arguments = [
            "agent",
            "--cluster",
            CLUSTER,
            "--repo",
            hub,
            "--status-repo",
            status,
            "--kubeconfig",
            &cluster.kubeconfig_path.display().to_string(),
            "--namespace",
            HOME,
            "--store",
            &directory.join("store").display().to_string(),
            "--poll-seconds",
            "1",
            "--listen",
            &address.to_string(),
            "--log-format",
            "json",
        ]
        .map(str::to_owned);
        let begun = Instant::now();
        let process =
            Process::start("agent", &binary("muster"), &arguments, directory).map_err(stop)?;
        Ok(Self {
            process,
            address,
            begun,
        })
    }

    /// Waits until something holds of its metrics; the time since `since`.
    pub(crate) fn until(
        &self,
        since: Instant,
        what: &str,
        holds: impl Fn(&Metrics) -> bool,
    ) -> Result<Duration, Stop> {
        loop {
            let metrics = self.metrics();
            if metrics.as_ref().is_some_and(&holds) {
                return Ok(since.elapsed());
            }
            if !self.process.is_running() {
                return Err(stop("the agent has ended: see agent.log"));
            }
            if since.elapsed() > PATIENCE {
                return Err(stop(format!("not {what} after {PATIENCE:?}")));
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// What it measures itself.
    pub(crate) fn metrics(&self) -> Option<Metrics> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .ok()?;
        stream
            .write_all(b"GET /metrics HTTP/1.0\r\nHost: agent\r\n\r\n")
            .ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.starts_with("HTTP/1.0 200").then_some(Metrics(text))
    }

    /// The most memory it ever held resident, in MiB (`VmHWM`, proc_pid_status(5)).
    pub(crate) fn peak_mib(&self) -> f64 {
        self.status("VmHWM:")
    }

    /// The memory it holds resident now, in MiB (`VmRSS`).
    pub(crate) fn resident_mib(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// What of it is its own, in MiB (`RssAnon`): the rest is pages of the binary, which the kernel may drop.
    pub(crate) fn anonymous_mib(&self) -> f64 {
        self.status("RssAnon:")
    }

    /// The processor time it has used, user and system, in seconds (proc_pid_stat(5), fields 14 and 15).
    pub(crate) fn cpu_seconds(&self) -> f64 {
        /// `sysconf(_SC_CLK_TCK)` on every Linux that Rust runs on.
        const TICKS_PER_SECOND: f64 = 100.0;
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()));
        let text = text.unwrap_or_default();
        let after_name = text.rsplit(')').next().unwrap_or_default();
        let fields = after_name.split_whitespace().skip(11).take(2);
        fields
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum::<f64>()
            / TICKS_PER_SECOND
    }

    fn status(&self, key: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let kib: Option<f64> = text.ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        kib.map_or(f64::NAN, |kib| kib / 1024.0)
    }
}

/// The text of `/metrics`.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The sum of every sample of this name whose labels contain `labels`.
    pub(crate) fn sum(&self, name: &str, labels: &str) -> f64 {
        sum(&self.0, name, |found| found.contains(labels))
    }
}

/// Sums samples of the Prometheus text format.
pub(crate) fn sum(text: &str, name: &str, wanted: impl Fn(&str) -> bool) -> f64 {
    text.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let of_this_name = labels.is_empty() || labels.starts_with('{');
            (of_this_name && wanted(labels)).then(|| value.parse::<f64>().ok())?
        })
        // A sum of nothing is -0 otherwise.
        .fold(0.0, |sum, value| sum + value)
}

fn free_address() -> Result<SocketAddr, Stop> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(stop)?;
    listener.local_addr().map_err(stop)
}
