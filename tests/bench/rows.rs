//! The rows: what each measures, and against what.

use std::time::{Duration, Instant};

use muster_model::Node;
use serde_json::json;

use crate::agent::{Agent, Metrics};
use crate::fleet::{self, Files, Layout};
use crate::stats::{Figures, short};
use crate::stop::{Stop, stop};
use crate::world::{Served, Site, World};
use crate::{bare, client::Client};

/// One line of the result.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// What was measured, and the goal it is held to.
    pub(crate) figures: Vec<(String, String)>,
}

impl Row {
    fn new(work: impl Into<String>) -> Self {
        Self {
            work: work.into(),
            figures: Vec::new(),
        }
    }

    fn add(&mut self, what: &str, value: impl std::fmt::Display) {
        self.figures.push((what.to_owned(), value.to_string()));
    }
}

/// How large and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Applications of four objects.
    pub(crate) applications: usize,
    /// ConfigMaps of one Application.
    pub(crate) config_maps: usize,
    /// Pairs of runs of what is compared.
    pub(crate) rounds: usize,
    /// Repetitions of what is short.
    pub(crate) repeats: usize,
    /// Seconds of looking on while nothing happens.
    pub(crate) idle_seconds: u64,
}

/// What is timed in a round of a first apply.
#[derive(Debug, Clone, Copy)]
enum Run {
    /// The bare requests.
    Bare,
    /// The same with muster's marks on the objects.
    Marked,
    /// The agent.
    Agent,
}

/// What the rounds of a first apply came to.
#[derive(Debug, Default)]
struct FirstApplies {
    ours: Vec<Duration>,
    bare: Vec<Duration>,
    marked: Vec<Duration>,
    peaks: Vec<f64>,
    cpu: Vec<f64>,
    writes: Vec<f64>,
}

impl FirstApplies {
    fn run(
        &mut self,
        run: Run,
        world: &World,
        (files, objects, marked): (&Files, &[Node], &[Node]),
    ) -> Result<(), Stop> {
        match run {
            Run::Bare => self.bare.push(bare::apply(&world.cluster()?, objects)?),
            Run::Marked => self.marked.push(bare::apply(&world.cluster()?, marked)?),
            Run::Agent => {
                let site = world.site(files)?;
                let before = site.served();
                let agent = site.agent()?;
                let took =
                    agent.until(agent.begun, "all applied", |m| applied(m) >= objects.len())?;
                self.ours.push(took);
                agent.until(agent.begun, "reported as synced", all_synced)?;
                self.peaks.push(agent.peak_mib());
                self.cpu.push(agent.cpu_seconds());
                self.writes.push(site.served().since(before).writes);
            }
        }
        Ok(())
    }

    /// Each round's time of the agent as a multiple of a floor's.
    fn ratios(&self, floor: &[Duration]) -> Vec<f64> {
        let pairs = self.ours.iter().zip(floor);
        pairs
            .map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64())
            .collect()
    }
}

/// A first apply against the bare requests, each in a cluster of its own. Every second round runs the other way round:
/// the etcd that they share grows.
pub(crate) fn first_apply(
    world: &World,
    sizes: &Sizes,
    (work, files, objects): (String, &Files, &[Node]),
) -> Result<Row, Stop> {
    let marked = fleet::marked(objects);
    let mut found = FirstApplies::default();
    for round in 0..sizes.rounds {
        let mut runs = [Run::Bare, Run::Marked, Run::Agent];
        if round % 2 == 1 {
            runs.reverse();
        }
        for run in runs {
            found.run(run, world, (files, objects, &marked))?;
        }
    }
    let ratios = found.ratios(&found.bare);
    let marked_ratios = found.ratios(&found.marked);
    let mut row = Row::new(work);
    row.add(
        "muster, process start to last apply",
        Figures::seconds(found.ours),
    );
    row.add(
        "bare PATCHes, same concurrency",
        Figures::seconds(found.bare),
    );
    row.add("ratio (goal ≤ 1.1)", Figures::new("×", ratios));
    row.add(
        "bare PATCHes of objects with muster's marks",
        Figures::seconds(found.marked),
    );
    row.add("ratio to these", Figures::new("×", marked_ratios));
    row.add("muster's own processor time", Figures::new("s", found.cpu));
    row.add("peak memory", Figures::new("MiB", found.peaks));
    row.add("writes, parent included", Figures::new("", found.writes));
    Ok(row)
}

/// The Applications of [`fleet::applications`] as a row.
pub(crate) fn applications(world: &World, sizes: &Sizes, layout: Layout) -> Result<Row, Stop> {
    let count = sizes.applications;
    let how = match layout {
        Layout::OneDirectory => "one directory, a suffix each",
        Layout::Monorepo => "one monorepo, a directory each",
    };
    let work = format!("first apply of {count} Applications × 4 objects ({how})");
    let files = fleet::applications(layout, count);
    let objects = fleet::objects_of_applications(count);
    first_apply(world, sizes, (work, &files, &objects))
}

/// One Application with many ConfigMaps as a row.
pub(crate) fn config_maps(world: &World, sizes: &Sizes) -> Result<Row, Stop> {
    let count = sizes.config_maps;
    let work = format!("first apply of {count} ConfigMaps, one Application");
    let files = fleet::config_maps(count);
    let objects = fleet::objects_of_config_maps(count);
    first_apply(world, sizes, (work, &files, &objects))
}

/// Everything that is measured on a fleet at rest: idle, drift, a small commit, a restart.
pub(crate) fn at_rest(world: &World, sizes: &Sizes) -> Result<Vec<Row>, Stop> {
    let site = world.site(&fleet::applications(Layout::Monorepo, sizes.applications))?;
    let agent = site.agent()?;
    let objects = 4 * sizes.applications;
    agent.until(agent.begun, "all applied", |m| applied(m) >= objects)?;
    agent.until(agent.begun, "reported as synced", all_synced)?;
    let mut rows = vec![
        small_commit(&site, &agent, sizes)?,
        drift(&site, sizes, "field changed by hand → restored, idle")?,
    ];
    drop(agent);
    let (row, agent) = restart(&site, objects)?;
    rows.push(row);
    rows.push(idle(&site, &agent, sizes, objects));
    Ok(rows)
}

/// A commit that touches one directory of many.
fn small_commit(site: &Site, agent: &Agent, sizes: &Sizes) -> Result<Row, Stop> {
    let client = Client::new(&site.cluster)?;
    let (mut waits, mut writes, mut renders) = (Vec::new(), Vec::new(), Vec::new());
    for repeat in 0..sizes.repeats {
        let index = (repeat * 37) % sizes.applications;
        let version = repeat + 2;
        let path = config_map_path(index);
        let (before, rendered) = (site.served(), rendered(agent)?);
        site.commit(&fleet::monorepo_directory(index, version));
        let committed = Instant::now();
        drop(site.server.take_requests());
        let asked = first_request(site, committed)?;
        client.until(&path, |object| {
            object["data"]["VERSION"] == format!("v{version}")
        })?;
        let map = asked.elapsed();
        agent.until(asked, "reported as synced", all_synced)?;
        waits.push(map);
        writes.push(site.served().since(before).writes);
        renders.push(self::rendered(agent)? - rendered);
    }
    let mut row = Row::new(format!(
        "commit touching 1 of {} directories",
        sizes.applications
    ));
    row.add("poll → applied", p99(&waits));
    row.add("renders (goal 1)", Figures::new("", renders));
    row.add("writes, parent included", Figures::new("", writes));
    Ok(row)
}

/// Waits for the poll after a commit.
fn first_request(site: &Site, since: Instant) -> Result<Instant, Stop> {
    loop {
        if !site.server.take_requests().is_empty() {
            return Ok(Instant::now());
        }
        if since.elapsed() > Duration::from_secs(30) {
            return Err(stop("no poll after 30 s"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A field of a ConfigMap changed by hand, again and again, on other objects.
pub(crate) fn drift(site: &Site, sizes: &Sizes, work: &str) -> Result<Row, Stop> {
    let client = Client::new(&site.cluster)?;
    let mut waits = Vec::new();
    for repeat in 0..sizes.repeats {
        let path = config_map_path((repeat * 13) % sizes.applications);
        let change = json!({"data": {"LOG_LEVEL": "changed by hand"}});
        client.merge(&path, &change)?;
        let begun = Instant::now();
        client.until(&path, |object| object["data"]["LOG_LEVEL"] == "info")?;
        waits.push(begun.elapsed());
    }
    let mut row = Row::new(work);
    row.add("change → restored", p99(&waits));
    Ok(row)
}

/// Drift while an Application of many objects is being applied.
pub(crate) fn drift_under_load(world: &World, sizes: &Sizes) -> Result<Row, Stop> {
    let small = Sizes {
        applications: sizes.applications.min(100),
        ..*sizes
    };
    let mut files = fleet::applications(Layout::Monorepo, small.applications);
    let site = world.site(&files)?;
    let agent = site.agent()?;
    let objects = 4 * small.applications;
    agent.until(agent.begun, "all applied", |m| applied(m) >= objects)?;
    agent.until(agent.begun, "reported as synced", all_synced)?;
    files = fleet::with_config_maps(files, sizes.config_maps);
    site.commit(&files);
    let begun = Instant::now();
    agent.until(begun, "busy", |m| {
        applied(m) > objects + sizes.config_maps / 20
    })?;
    let row = drift(
        &site,
        &small,
        &format!(
            "field changed by hand → restored, while {} objects are applied",
            sizes.config_maps
        ),
    )?;
    let still = agent
        .metrics()
        .is_some_and(|m| applied(&m) < objects + sizes.config_maps);
    if !still {
        return Err(stop(
            "the apply ended before the changes did: use more ConfigMaps",
        ));
    }
    Ok(row)
}

/// A restart with everything in sync.
fn restart(site: &Site, objects: usize) -> Result<(Row, Agent), Stop> {
    // The last status and state may still be on their way.
    std::thread::sleep(Duration::from_secs(2));
    let before = site.served();
    let agent = site.agent()?;
    let took = agent.until(agent.begun, "reported as synced", |m| {
        all_synced(m) && m.sum("muster_objects", "state=\"InSync\"") >= count(objects)
    })?;
    std::thread::sleep(Duration::from_secs(2));
    let Served {
        writes,
        lists,
        gets,
        watches: _,
    } = site.served().since(before);
    let applies = agent
        .metrics()
        .map_or(f64::NAN, |m| m.sum("muster_effects_total", "apply"));
    let mut row = Row::new(format!("restart with {objects} objects in sync"));
    row.add(
        "process start → all known in sync (goal < 3 s)",
        Figures::seconds([took]),
    );
    row.add("applies (goal 0)", applies);
    row.add("writes, the parent's takeover included", writes);
    row.add("lists and gets of the four kinds", lists + gets);
    Ok((row, agent))
}

/// After a start the agent writes down what it learned, at most once a second; then it is at rest.
const SETTLED: Duration = Duration::from_secs(10);

/// Nothing happens for a while.
fn idle(site: &Site, agent: &Agent, sizes: &Sizes, objects: usize) -> Row {
    std::thread::sleep(SETTLED);
    let before = site.served();
    std::thread::sleep(Duration::from_secs(sizes.idle_seconds));
    let Served {
        writes,
        lists,
        gets,
        watches: _,
    } = site.served().since(before);
    let mut row = Row::new(format!(
        "idle with {objects} objects, {} s",
        sizes.idle_seconds
    ));
    row.add(
        "resident (goal ≤ 20 MiB)",
        Figures::new("MiB", [agent.resident_mib()]),
    );
    row.add(
        "of it the agent's own, not the binary's",
        Figures::new("MiB", [agent.anonymous_mib()]),
    );
    row.add("lists (goal 0)", lists);
    row.add("writes (goal 0)", writes);
    row.add("gets", gets);
    row
}

fn config_map_path(index: usize) -> String {
    format!(
        "/api/v1/namespaces/{}/configmaps/web-{index:05}",
        fleet::namespace(index)
    )
}

fn applied(metrics: &Metrics) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a counter of at most some ten thousand"
    )]
    let number = metrics.sum("muster_effects_total", "effect=\"apply\"") as usize;
    number
}

/// Every Application is in sync.
fn all_synced(metrics: &Metrics) -> bool {
    let synced = metrics.sum("muster_application_sync", "state=\"Synced\"");
    synced > 0.0 && metrics.sum("muster_application_sync", "") <= synced
}

fn rendered(agent: &Agent) -> Result<f64, Stop> {
    let metrics = agent.metrics().ok_or_else(|| stop("no metrics"))?;
    Ok(metrics.sum("muster_renders_total", ""))
}

fn count(objects: usize) -> f64 {
    u32::try_from(objects).map_or(f64::MAX, f64::from)
}

/// `p50 4 ms, p99 9 ms, most 12 ms (50 times)`.
fn p99(waits: &[Duration]) -> String {
    let figures = Figures::milliseconds(waits.iter().copied());
    format!(
        "p50 {} ms, p99 {} ms, most {} ms ({} times)",
        short(figures.median()),
        short(figures.quantile(0.99)),
        short(figures.quantile(1.0)),
        waits.len()
    )
}
