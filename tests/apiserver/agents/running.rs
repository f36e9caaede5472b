//! The process itself: its endpoint, its end, its discretion.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use muster_tests::binary;
use serde_json::json;

use super::Agents;
use super::site::{Agent, Site, config_map, free_address, problems};

/// A pod's grace period is longer; an agent needs no more than this.
const END: Duration = Duration::from_secs(5);

/// A child that does not outlive its test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(super) fn an_agent_answers_and_ends_on_sigterm(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("one", &json!({"colour": "blue"}))],
    );
    let agent = site.start();
    site.is_synced(&agent);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(agent.is_well(path), "{path}");
    }
    let metrics = agent.asked("/metrics").expect("an answer");
    assert!(metrics.contains("muster_polls_total"), "{metrics}");
    drop(agent);

    let address = free_address();
    let mut child = spawn(&site.command_line(address), address);
    signal(&child, "-TERM");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait().expect("it is ours") {
            break status;
        }
        assert!(begun.elapsed() < END, "it ends in {END:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
}

/// Longer than an agent may act after it last held the parent; `make test-long` says more.
fn stopped() -> Duration {
    let said = std::env::var("MUSTER_STOPPED").ok();
    let seconds = said.map_or(35, |text| {
        text.parse().expect("MUSTER_STOPPED is a number of seconds")
    });
    Duration::from_secs(seconds)
}

/// HAZARDS.md P11: SIGSTOP, another agent takes over, SIGCONT.
pub(super) fn a_stopped_agent_that_goes_on_writes_nothing(agents: &Agents) {
    let site = Site::new(
        agents.cluster(),
        &[config_map("one", &json!({"colour": "blue"}))],
    );
    let address = free_address();
    let mut stale = spawn(&site.second_command_line(address), address);
    let path = site.config_map("one");
    let begun = Instant::now();
    while site.value("one", "colour") != "blue" {
        assert!(begun.elapsed() < Duration::from_secs(90), "applied in time");
        std::thread::sleep(Duration::from_millis(100));
    }
    signal(&stale, "-STOP");
    let since = Instant::now();

    let agent = site.start();
    site.deliver(&[config_map("one", &json!({"colour": "green"}))]);
    site.is_synced(&agent);
    assert_eq!(site.value("one", "colour"), "green");
    std::thread::sleep(stopped().saturating_sub(since.elapsed()));
    let before = site.cluster.get(&path).json();

    // It still wants blue, sees green, and learns that its time is over before it may write.
    signal(&stale, "-CONT");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = stale.0.try_wait().expect("it is ours") {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "it ends");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(!status.success(), "{status}");
    assert_eq!(site.cluster.get(&path).json(), before);
    site.deliver(&[config_map("one", &json!({"colour": "red"}))]);
    site.is_synced(&agent);
    assert_eq!(site.value("one", "colour"), "red");
}

/// Starts an agent, and waits until it is ready.
fn spawn(arguments: &[String], address: SocketAddr) -> Guarded {
    let child = Command::new(binary("muster"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = Guarded(child.expect("the agent starts"));
    let begun = Instant::now();
    while !Agent::answers(address, "/readyz") {
        assert!(begun.elapsed() < Duration::from_secs(90), "ready in time");
        std::thread::sleep(Duration::from_millis(100));
    }
    child
}

fn signal(child: &Guarded, name: &str) {
    let id = child.0.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status();
    assert!(sent.expect("kill is there").success());
}

/// HAZARDS.md T-55.
pub(super) fn what_a_rejection_quotes_is_told_nowhere(agents: &Agents) {
    const CANARY: &str = "canary-4711-";
    let labels = json!({"note": CANARY});
    let objects = [
        config_map("good", &json!({"colour": "blue"})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bad", "labels": labels}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bad", "labels": labels}, "stringData": {"password": CANARY}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"}, "spec": {"clusterIP": CANARY, "ports": [{"port": 80}]}}),
    ];
    let site = Site::new(agents.cluster(), &objects);
    let quoted = site.cluster.create(
        &format!("/api/v1/namespaces/{}/configmaps", site.name),
        &objects[1],
    );
    assert!(
        quoted.status == 422 && quoted.body.contains(CANARY),
        "the server quotes: {}",
        quoted.body
    );

    let agent = site.start();
    site.says(&agent, "three rejections", |said| {
        problems(said)
            .iter()
            .filter(|problem| problem["reason"] == "Invalid")
            .count()
            == 3
    });
    site.waits(&agent, "the good object is there", || {
        site.value("good", "colour") == "blue"
    });
    let said = site.said().to_string();
    let metrics = agent.asked("/metrics").expect("an answer");
    for (place, text) in [("log", agent.log()), ("status", said), ("metrics", metrics)] {
        assert!(
            !text.is_empty() && !text.contains(CANARY),
            "the {place} tells: {text}"
        );
    }
}
