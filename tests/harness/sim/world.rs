//! One run: the world, the agents in it, and what is done to them. Time is driven from here, agent by agent, so that a
//! stopped agent stands still while the rest goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster::config::AGENT_NAME;
use muster_model::{CommitId, ObjectId, Reason};
use serde_json::json;

use super::content::{CANARY, Content, EXTRA, Extra, HUB};
use super::oracle::Oracle;
use super::process::{CLUSTER, CONCURRENCY, NAMESPACE, Process, SLOW, Surroundings};
use crate::fakes::{
    Backup, FakeCluster, FakeSource, FakeStatus, Identity, Journal, Random, Reading, Volume,
    Weather,
};

/// How far time goes at once while one agent runs: the controllers' own period.
const STRIDE: Duration = Duration::from_millis(200);
/// The same while two run: short, so that what one does reaches the other soon.
const SHORT_STRIDE: Duration = Duration::from_millis(10);
/// How long a pod takes to be started again.
const RESTART: Duration = Duration::from_secs(5);
/// How often somebody who fights over an object changes it.
const FIGHT_PERIOD: Duration = Duration::from_secs(1);

/// What ends at a moment.
#[derive(Debug, Clone)]
pub(crate) enum End {
    /// The API server is back.
    Away,
    /// The watch of a kind works.
    Watch(muster_model::GroupKind),
    /// Reads are fresh.
    Stale,
    /// The aggregated API server is up.
    Group,
    /// Requests are as usual.
    Weather(fn(&mut Weather)),
    /// The webhook no longer changes anything.
    Mutate,
    /// The workload may become ready.
    Stick,
    /// A hub's server works.
    Git(&'static str),
    /// The branch is where it was.
    Branch(CommitId),
    /// History is seen.
    Shallow,
    /// The status store works.
    Status,
}

/// Somebody who changes an object over and over.
struct Fight {
    object: ObjectId,
    next: Duration,
    until: Duration,
}

/// The world of a run.
pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) oracle: Arc<Mutex<Oracle>>,
    pub(crate) processes: Vec<Process>,
    pub(crate) content: Content,
    pub(crate) extra: Extra,
    pub(crate) backup: Option<Backup>,
    pub(crate) volume: Volume,
    pub(crate) random: Random,
    pub(crate) died_at: Option<Duration>,
    ends: Vec<(Duration, End)>,
    fights: Vec<Fight>,
    lives: u32,
    looked_at: usize,
}

impl World {
    /// An empty cluster, two repositories with a commit each, and an agent that was just started.
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let journal = Journal::default();
        if trace {
            journal.keep_lines();
        }
        let around = surroundings(&journal, seed);
        let applyset = identity().applyset();
        let oracle = Arc::new(Mutex::new(Oracle::new(journal, applyset)));
        connect(&around, &oracle);
        let mut world = Self {
            around,
            oracle,
            processes: Vec::new(),
            content: Content::default(),
            extra: Extra::default(),
            backup: None,
            volume: Volume::default(),
            random: Random::new(seed ^ 0x5eed),
            died_at: None,
            ends: Vec::new(),
            fights: Vec::new(),
            lives: 0,
            looked_at: 0,
        };
        world.commit();
        world.commit_extra();
        world.start();
        world
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.around.journal
    }

    pub(crate) fn now(&self) -> Duration {
        self.around.journal.now()
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().expect("because nobody panics with it")
    }

    /// Puts the content on top of the hub's branch.
    pub(crate) fn commit(&mut self) {
        let content = self.content.clone();
        let id = self.around.source.commit(HUB, "main", content.tree());
        self.tell_commit(id, content);
    }

    /// Tells the judge of a commit of the hub.
    pub(crate) fn tell_commit(&self, id: CommitId, content: Content) {
        let parents = self.around.source.parents(HUB, &id);
        self.journal()
            .note(|| format!("commit {} {:?}", id.short(), content.broken));
        self.oracle().committed(id, content, parents);
    }

    /// Puts the other content on top of the other repository's branch.
    pub(crate) fn commit_extra(&mut self) {
        let id = self.around.source.commit(EXTRA, "main", self.extra.tree());
        self.journal()
            .note(|| format!("commit {} of extra", id.short()));
        self.oracle().committed_extra(id, self.extra);
    }

    /// Starts an agent on the present volume.
    pub(crate) fn start(&mut self) {
        self.lives += 1;
        let (life, volume) = (self.lives, self.volume.clone());
        self.journal().note(|| format!("agent {life} starts"));
        self.died_at = None;
        self.processes
            .push(Process::start(&self.around, life, volume));
    }

    /// Ends every agent now.
    pub(crate) fn kill(&mut self) {
        for process in self.processes.drain(..) {
            self.around
                .journal
                .note(|| format!("agent {} is killed", process.life));
            process.faults.kill();
        }
        self.died_at = Some(self.now());
    }

    /// Lets time pass for everybody.
    pub(crate) fn pass(&mut self, length: Duration) {
        let end = self.now() + length;
        while self.now() < end {
            let stride = if self.processes.len() > 1 {
                SHORT_STRIDE
            } else {
                STRIDE
            };
            let stride = stride.min(end - self.now());
            if self.random.percent(50) {
                self.processes.reverse();
            }
            for process in &self.processes {
                process.run(stride);
            }
            self.around.journal.set_now(self.now() + stride);
            self.after_stride();
        }
    }

    /// Lets time pass for everybody but the first agent, which is stopped; then it goes on.
    pub(crate) fn pass_without_first(&mut self, length: Duration, takeover: bool) {
        if self.processes.is_empty() {
            return;
        }
        let stopped = self.processes.remove(0);
        self.journal()
            .note(|| format!("agent {} is stopped", stopped.life));
        self.oracle().froze(stopped.life);
        let begun = self.now();
        if takeover {
            self.volume = Volume::default();
            self.start();
            self.pass(length);
        } else {
            // Nobody is started again in place of a process that merely stands still.
            let end = begun + length;
            while self.now() < end {
                let stride = STRIDE.min(end - self.now());
                self.around.journal.set_now(self.now() + stride);
                self.world_turns();
            }
        }
        stopped.wake_after(self.now().saturating_sub(begun));
        self.journal()
            .note(|| format!("agent {} goes on", stopped.life));
        self.processes.insert(0, stopped);
    }

    fn after_stride(&mut self) {
        self.world_turns();
        self.bury();
        let due = self.died_at.is_some_and(|at| self.now() >= at + RESTART);
        if self.processes.is_empty() && due {
            self.start();
        }
    }

    /// What goes on without any agent.
    fn world_turns(&mut self) {
        self.around.cluster.controllers_once();
        self.fight();
        self.end_what_is_due(self.now());
        self.collect();
    }

    /// Takes away agents that ended.
    fn bury(&mut self) {
        let mut ended = Vec::new();
        for (index, process) in self.processes.iter_mut().enumerate() {
            if let Some(result) = process.ended() {
                ended.push((index, process.life, result));
            }
        }
        for (index, life, result) in ended.into_iter().rev() {
            self.processes.remove(index);
            if let Err(problem) = result {
                self.journal()
                    .reach(format!("agent ended {}", problem.reason));
                self.journal()
                    .note(|| format!("agent {life} ends: {}", problem.message));
                if problem.reason != Reason::StaleWriter {
                    self.journal()
                        .violation("L5", format!("agent {life} ended: {problem:?}"));
                }
            }
        }
        if self.processes.is_empty() && self.died_at.is_none() {
            self.died_at = Some(self.now());
        }
    }

    /// Ends something later.
    pub(crate) fn end_in(&mut self, seconds: u64, end: End) {
        let at = self.now() + Duration::from_secs(seconds);
        self.ends.push((at, end));
    }

    fn end_what_is_due(&mut self, now: Duration) {
        let (due, later) = std::mem::take(&mut self.ends)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.ends = later;
        let due: Vec<(Duration, End)> = due;
        for (_, end) in due {
            self.end(end);
        }
    }

    fn end(&mut self, end: End) {
        let around = self.around.clone();
        match end {
            End::Away => {
                around.cluster.away(false);
                self.oracle().blind(false);
            }
            End::Watch(kind) => around.cluster.break_watch(&kind, false),
            End::Stale => around.cluster.stale_reads(false),
            End::Group => around.cluster.fail_group("networking.k8s.io", false),
            End::Weather(calm) => {
                around.cluster.change_weather(calm);
                self.oracle().blind(false);
            }
            End::Mutate => around.cluster.mutate_with(|_, _| {}),
            End::Stick => around.cluster.stick(&web(), false),
            End::Git(url) => {
                around.source.fail(url, None);
                around.source.hang(url, false);
            }
            End::Branch(tip) => around.source.point(HUB, "main", Some(tip)),
            End::Shallow => {
                around.source.shallow(HUB, false);
                self.oracle().shallow(false);
            }
            End::Status => {
                around.status.fail(None);
                around.status.accept();
            }
        }
    }

    /// Ends every fault now.
    pub(crate) fn calm(&mut self) {
        self.end_what_is_due(Duration::MAX);
        self.fights.clear();
        self.around.source.land();
        self.around.cluster.garble_watches(0, 0);
        self.around.cluster.relist();
        self.around.status.overtake(0);
        for namespace in ["shop", "books"] {
            self.around.cluster.stick_namespace(namespace, false);
        }
        for process in &self.processes {
            process.faults.heal();
            process.faults.crash_never();
        }
        self.drop_finalizers();
    }

    fn drop_finalizers(&self) {
        for id in self.around.cluster.every_object() {
            let live = self.around.cluster.get(&id).unwrap_or_default();
            if live["metadata"]["finalizers"] == json!([super::hands::FINALIZER]) {
                self.oracle().touched(&id);
                self.around.cluster.edit(&id, "person", |object| {
                    object["metadata"]["finalizers"] = json!([])
                });
            }
        }
    }

    pub(crate) fn fight_over(&mut self, object: ObjectId) {
        let now = self.now();
        self.fights.push(Fight {
            object,
            next: now,
            until: now + Duration::from_secs(20),
        });
    }

    fn fight(&mut self) {
        let now = self.now();
        let mut fights = std::mem::take(&mut self.fights);
        fights.retain(|fight| now < fight.until);
        for fight in fights.iter_mut().filter(|fight| now >= fight.next) {
            fight.next = now + FIGHT_PERIOD;
            super::hands::change(self, &fight.object, "fighter", now.as_millis());
        }
        self.fights = fights;
    }

    /// Takes what the fakes found into the journal.
    fn collect(&mut self) {
        let found: Vec<String> = self
            .around
            .cluster
            .violations()
            .into_iter()
            .chain(self.around.status.violations())
            .collect();
        for text in found.iter().skip(self.looked_at) {
            self.journal()
                .violation(super::invariant_of(text), text.clone());
        }
        self.looked_at = found.len();
    }

    /// P12: no value of a Secret in anything that leaves the cluster.
    pub(crate) fn look_for_secrets(&self) {
        let encoded = |value: u8| {
            let text = format!("{CANARY}-{value}");
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
        };
        let mut texts: Vec<String> = self.around.status.newest();
        if let Some(parent) = self.around.cluster.stored_parent() {
            texts.push(serde_json::to_string(&parent.state).unwrap_or_default());
        }
        for process in &self.processes {
            texts.push(process.vitals.metrics.render());
        }
        let secrets: Vec<String> = (0..4).map(encoded).chain([CANARY.to_owned()]).collect();
        for text in &texts {
            if let Some(found) = secrets.iter().find(|secret| text.contains(*secret)) {
                self.journal().violation("P12", format!("{found} is told"));
            }
        }
    }

    /// What is published of each Application.
    pub(crate) fn published(&self) -> BTreeMap<String, muster_model::status::ApplicationStatus> {
        let status = self.around.status.status(CLUSTER);
        status.map(|status| status.applications).unwrap_or_default()
    }
}

fn identity() -> Identity {
    Identity {
        manager: "muster.bookstore".to_owned(),
        parent_name: AGENT_NAME.to_owned(),
        namespace: NAMESPACE.to_owned(),
    }
}

/// The Deployment.
pub(crate) fn web() -> ObjectId {
    ObjectId::new("apps", "Deployment", "shop", "web")
}

fn surroundings(journal: &Journal, seed: u64) -> Surroundings {
    let cluster = FakeCluster::new(identity());
    cluster.write_into(journal.clone());
    cluster.vary_latency(Random::new(seed ^ 0x1a7e));
    cluster.limit_in_flight(CONCURRENCY + SLOW);
    let source = FakeSource::new();
    source.write_into(journal.clone());
    let status = FakeStatus::new();
    status.write_into(journal.clone());
    Surroundings {
        cluster,
        source,
        status,
        journal: journal.clone(),
    }
}

/// Lets the judge see everything.
fn connect(around: &Surroundings, oracle: &Arc<Mutex<Oracle>>) {
    let judge = |oracle: &Arc<Mutex<Oracle>>| {
        let oracle = Arc::clone(oracle);
        move || -> Arc<Mutex<Oracle>> { Arc::clone(&oracle) }
    };
    let of_cluster = judge(oracle);
    around.cluster.inspect_with(Box::new(move |sight| {
        let oracle = of_cluster();
        oracle
            .lock()
            .expect("because nobody panics with it")
            .saw(sight);
    }));
    let of_source = judge(oracle);
    around.source.inspect_with(Box::new(move |reading| {
        let oracle = of_source();
        let mut oracle = oracle.lock().expect("because nobody panics with it");
        match reading {
            Reading::Resolved(life, url, answer) => oracle.resolved(*life, url, answer),
            Reading::Has(life, commit_id) => oracle.has(*life, commit_id),
        }
    }));
    let (of_status, cluster) = (judge(oracle), around.cluster.clone());
    around.status.inspect_with(Box::new(move |_, status| {
        let oracle = of_status();
        let mut oracle = oracle.lock().expect("because nobody panics with it");
        oracle.published(status, &cluster);
    }));
}
