//! What may happen in a run. A step says everything by itself, so that a run can be repeated without some of its steps.

use muster_model::Reason;

use super::content::{APPLICATIONS, Broken, Content, Extra, LOOSE, Membership, Place};
use crate::fakes::{Failure, Random, Side, Target};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A commit of the hub repository.
    Commit(Vec<Mutation>),
    /// A commit of the other repository.
    CommitExtra(Extra),
    /// A commit that lands after so many further Git requests: between two reads of one look, perhaps.
    CommitBetween(u64, Vec<Mutation>),
    /// Somebody approves what waits for an approval.
    Approve,
    /// What people and controllers do to the cluster.
    Hand(Hand),
    /// The API server and the way to it, for so many seconds where that means anything.
    Api(ApiFault, u64),
    /// The Git servers.
    Git(GitFault, u64),
    /// The status store.
    Status(StatusFault, u64),
    /// The agent's process.
    Process(ProcessFault),
    /// Nothing happens for so many seconds.
    Wait(u64),
}

/// What a commit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mutation {
    /// A loose object moves.
    Move(usize, Place),
    /// Its value changes.
    Value(usize, u8),
    /// Many of them go at once.
    Purge(usize),
    /// The image of the Deployment.
    Image(u8),
    /// Its replicas.
    Replicas(u8),
    /// Its selector, which may not change.
    Selector(u8),
    /// Whether it may be made anew.
    Recreate(bool),
    /// The autoscaler.
    Autoscaled(bool),
    /// The generated ConfigMap.
    Generation(u8),
    /// The Secret.
    Secret(u8),
    /// The definition and its instances.
    Widgets(Option<u8>),
    /// The claim of storage.
    Claim(bool),
    /// Objects with prune options.
    Guarded(bool),
    /// Sync waves.
    Waved(bool),
    /// A policy: which Application, which switch, how.
    Switch(&'static str, Switch, bool),
    /// An Application comes or goes.
    Present(&'static str, bool),
    /// A source breaks, or is mended.
    Breaks(&'static str, Option<Broken>),
    /// The fleet file breaks, or is mended.
    FleetBreaks(bool),
    /// What the fleet file says of the cluster.
    Member(Membership),
}

/// A switch of an Application's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// `automated`.
    Automated,
    /// `prune`.
    Prune,
    /// `selfHeal`.
    SelfHeal,
    /// `muster.dev/adopt`.
    Adopt,
    /// Argo CD's finalizer.
    Cascade,
}

/// What people and controllers do. Numbers choose among the objects there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Changes a field.
    Edit(u8),
    /// Changes a field over and over, for twenty seconds.
    Fight(u8),
    /// Deletes an object.
    Delete(u8),
    /// Scales the Deployment.
    Scale(u8),
    /// Empties `managedFields`.
    ClearFields(u8),
    /// Takes the labels off.
    Strip(u8),
    /// A controller copies the marks to an object of its own.
    CopyMarks(u8),
    /// Another tool makes an object that Git may render; Helm's, or nobody's.
    Foreign(bool),
    /// A finalizer that nobody takes away.
    Finalizer(u8),
    /// Deletes a namespace, and keeps it from going.
    DeleteNamespace(bool),
    /// Deletes the definition.
    DeleteDefinition,
    /// The workload does not become ready for a while.
    Stick,
}

/// What befalls requests to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiFault {
    /// Some effects fail.
    Fail(Target, Failure, u32),
    /// It is away.
    Away,
    /// The watch of a kind is broken.
    BreakWatch(u8),
    /// Events are lost, or told twice.
    Garble(u32, u32),
    /// Every watch ends with 410.
    Relist,
    /// Reads answer from the past.
    Stale,
    /// etcd is backed up.
    Backup,
    /// etcd is restored from the last backup.
    Restore,
    /// An aggregated API server is down.
    GroupDown,
    /// A webhook refuses creates.
    DenyCreate,
    /// A webhook refuses deletes.
    DenyDelete,
    /// A webhook changes what is applied.
    Mutate,
    /// A webhook takes ten seconds.
    Slow,
    /// A webhook does not answer.
    WebhookDown,
    /// A quota is exhausted.
    Quota,
    /// The agent's rights are taken away.
    Revoke,
}

/// What befalls the Git servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitFault {
    /// Requests fail.
    Fail(Reason),
    /// Requests to the other repository fail.
    FailExtra,
    /// Requests are never answered.
    Hang,
    /// The branch is gone.
    BranchGone,
    /// The repository is empty.
    Empty,
    /// Another repository is served under the same URL.
    Replaced,
    /// The mirror serves an older commit.
    Back,
    /// History is rewritten.
    ForcePush,
    /// History cannot be seen.
    Shallow,
    /// The agent's own store is damaged.
    Damage,
}

/// What befalls the status store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFault {
    /// Requests fail.
    Fail,
    /// Refs are refused.
    Refuse,
    /// Somebody else is faster.
    Overtake(u32),
    /// Answers are lost.
    LoseAnswers(u32),
    /// Every ref is gone.
    Wipe,
}

/// What befalls the agent's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessFault {
    /// It dies at the n-th effect from now.
    Crash(u64, Side),
    /// It is killed now; its volume stays, or not.
    Kill(bool),
    /// The state in the parent is lost with it.
    LoseState,
    /// It is stopped for so many seconds (SIGSTOP, SIGCONT); another agent takes over meanwhile, or not.
    Pause(u64, bool),
    /// A second agent runs beside it for so many seconds, and takes over.
    Second(u64),
}

/// The steps of a seed.
#[must_use]
pub fn script(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    (0..steps).map(|_| step(&mut random)).collect()
}

fn step(random: &mut Random) -> Step {
    match random.below(100) {
        0..24 => Step::Commit(mutations(random)),
        24..27 => Step::CommitExtra(extra(random)),
        27..29 => Step::CommitBetween(random.below(6), mutations(random)),
        29..33 => Step::Approve,
        33..51 => Step::Hand(hand(random)),
        51..68 => Step::Api(api_fault(random), random.between(1, 150)),
        68..76 => Step::Git(git_fault(random), random.between(5, 150)),
        76..80 => Step::Status(status_fault(random), random.between(5, 150)),
        80..88 => Step::Process(process_fault(random)),
        _ => Step::Wait(random.between(1, 90)),
    }
}

fn mutations(random: &mut Random) -> Vec<Mutation> {
    (0..random.between(1, 3))
        .map(|_| mutation(random))
        .collect()
}

fn mutation(random: &mut Random) -> Mutation {
    let byte = |random: &mut Random, end: u64| {
        u8::try_from(random.below(end)).expect("because it is small")
    };
    let index = |random: &mut Random| usize::from(byte(random, LOOSE as u64));
    let yes = |random: &mut Random| random.percent(60);
    let application = *random.pick(&APPLICATIONS);
    match random.below(46) {
        0..8 => {
            let places = [
                Place::Nowhere,
                Place::Shop,
                Place::Books,
                Place::Shop,
                Place::Books,
                Place::Both,
            ];
            Mutation::Move(index(random), *random.pick(&places))
        }
        8..12 => Mutation::Value(index(random), byte(random, 4)),
        12..14 => Mutation::Purge(usize::from(byte(random, 4)) + 5),
        14..17 => Mutation::Image(byte(random, 4)),
        17 => Mutation::Replicas(byte(random, 4) + 1),
        18 => Mutation::Selector(byte(random, 2)),
        19 => Mutation::Recreate(yes(random)),
        20 => Mutation::Autoscaled(yes(random)),
        21..23 => Mutation::Generation(byte(random, 200)),
        23 => Mutation::Secret(byte(random, 4)),
        24..27 => Mutation::Widgets(yes(random).then(|| byte(random, 3))),
        27 => Mutation::Claim(yes(random)),
        28 => Mutation::Guarded(yes(random)),
        29 => Mutation::Waved(yes(random)),
        30..34 => {
            let switches = [
                Switch::Automated,
                Switch::Prune,
                Switch::SelfHeal,
                Switch::Adopt,
                Switch::Cascade,
            ];
            Mutation::Switch(application, *random.pick(&switches), yes(random))
        }
        34..36 => Mutation::Present(application, random.percent(75)),
        36..41 => {
            let source = *random.pick(&["shop", "books"]);
            Mutation::Breaks(source, random.percent(40).then(|| broken(random)))
        }
        41..43 => Mutation::FleetBreaks(random.percent(40)),
        _ => Mutation::Member(membership(random)),
    }
}

fn broken(random: &mut Random) -> Broken {
    let all = [
        Broken::Yaml,
        Broken::Duplicate,
        Broken::Empty,
        Broken::Reserved,
        Broken::Denied,
        Broken::Missing,
    ];
    *random.pick(&all)
}

fn membership(random: &mut Random) -> Membership {
    match random.below(12) {
        0 => Membership::Suspended,
        1 => Membership::Unassigned,
        2 => Membership::Leaving { prune: true },
        3 => Membership::Leaving { prune: false },
        _ => Membership::Active,
    }
}

fn extra(random: &mut Random) -> Extra {
    let byte =
        |random: &mut Random, end| u8::try_from(random.below(end)).expect("because it is small");
    Extra {
        count: byte(random, 7),
        value: byte(random, 3),
        broken: random.percent(15),
        contested: random.percent(40),
    }
}

fn hand(random: &mut Random) -> Hand {
    let choice = u8::try_from(random.below(256)).expect("because it is a byte");
    match random.below(30) {
        0..8 => Hand::Edit(choice),
        8..10 => Hand::Fight(choice),
        10..15 => Hand::Delete(choice),
        15..17 => Hand::Scale(choice % 6 + 1),
        17..19 => Hand::ClearFields(choice),
        19..21 => Hand::Strip(choice),
        21..23 => Hand::CopyMarks(choice),
        23..25 => Hand::Foreign(choice.is_multiple_of(2)),
        25..27 => Hand::Finalizer(choice),
        27 => Hand::DeleteNamespace(choice.is_multiple_of(2)),
        28 => Hand::DeleteDefinition,
        _ => Hand::Stick,
    }
}

fn failure(random: &mut Random) -> Failure {
    *random.pick(&[
        Failure::Forbidden,
        Failure::Conflict,
        Failure::Invalid,
        Failure::Throttled(7),
        Failure::Server,
        Failure::TimeoutBefore,
        Failure::TimeoutAfter,
        Failure::TimeoutAfter,
    ])
}

fn api_fault(random: &mut Random) -> ApiFault {
    let number =
        |random: &mut Random, end| u32::try_from(random.below(end)).expect("because it is small");
    match random.below(32) {
        0..8 => {
            let targets = [
                Target::All,
                Target::All,
                Target::Deletes,
                Target::Parent,
                Target::Every(3),
            ];
            let target = random.pick(&targets).clone();
            ApiFault::Fail(target, failure(random), number(random, 6) + 1)
        }
        8..10 => ApiFault::Away,
        10..12 => ApiFault::BreakWatch(u8::try_from(random.below(8)).expect("because it is small")),
        12..15 => ApiFault::Garble(number(random, 4), number(random, 4)),
        15 => ApiFault::Relist,
        16..18 => ApiFault::Stale,
        18..20 => ApiFault::Backup,
        20 => ApiFault::Restore,
        21..23 => ApiFault::GroupDown,
        23 => ApiFault::DenyCreate,
        24 => ApiFault::DenyDelete,
        25..27 => ApiFault::Mutate,
        27..29 => ApiFault::Slow,
        29 => ApiFault::WebhookDown,
        30 => ApiFault::Quota,
        _ => ApiFault::Revoke,
    }
}

fn git_fault(random: &mut Random) -> GitFault {
    let reasons = [
        Reason::GitUnreachable,
        Reason::GitAuth,
        Reason::GitRateLimited,
        Reason::GitServerError,
        Reason::NotGit,
    ];
    match random.below(20) {
        0..5 => GitFault::Fail(*random.pick(&reasons)),
        5..8 => GitFault::FailExtra,
        8..10 => GitFault::Hang,
        10..12 => GitFault::BranchGone,
        12 => GitFault::Empty,
        13 => GitFault::Replaced,
        14..16 => GitFault::Back,
        16..18 => GitFault::ForcePush,
        18 => GitFault::Shallow,
        _ => GitFault::Damage,
    }
}

fn status_fault(random: &mut Random) -> StatusFault {
    let number =
        |random: &mut Random| u32::try_from(random.between(1, 3)).expect("because it is small");
    match random.below(8) {
        0..2 => StatusFault::Fail,
        2..4 => StatusFault::Refuse,
        4..6 => StatusFault::Overtake(number(random)),
        6 => StatusFault::LoseAnswers(number(random)),
        _ => StatusFault::Wipe,
    }
}

fn process_fault(random: &mut Random) -> ProcessFault {
    let side = *random.pick(&[Side::Before, Side::After]);
    match random.below(16) {
        0..8 => ProcessFault::Crash(random.between(1, 12), side),
        8..11 => ProcessFault::Kill(random.percent(60)),
        11 => ProcessFault::LoseState,
        12..14 => ProcessFault::Pause(random.between(20, 700), random.percent(60)),
        _ => ProcessFault::Second(random.between(5, 40)),
    }
}

impl Mutation {
    /// Changes a content.
    pub fn change(&self, content: &mut Content) {
        match *self {
            Self::Move(index, place) => content.loose[index] = place,
            Self::Value(index, value) => content.values[index] = value,
            Self::Purge(count) => {
                for place in content.loose.iter_mut().take(count) {
                    *place = Place::Nowhere;
                }
            }
            Self::Image(image) => content.image = image,
            Self::Replicas(replicas) => content.replicas = replicas,
            Self::Selector(selector) => content.selector = selector,
            Self::Recreate(yes) => content.recreate = yes,
            Self::Autoscaled(yes) => content.autoscaled = yes,
            Self::Generation(generation) => content.generation = generation,
            Self::Secret(value) => content.secret = value,
            Self::Widgets(widgets) => content.widgets = widgets,
            Self::Claim(yes) => content.claim = yes,
            Self::Guarded(yes) => content.guarded = yes,
            Self::Waved(yes) => content.waved = yes,
            Self::Switch(name, switch, yes) => switch_policy(content, name, switch, yes),
            Self::Present(name, true) => {
                let policy = Content::default().applications[name];
                content.applications.entry(name).or_insert(policy);
            }
            Self::Present(name, false) => {
                content.applications.remove(name);
            }
            Self::Breaks(name, Some(broken)) => {
                content.broken.insert(name, broken);
            }
            Self::Breaks(name, None) => {
                content.broken.remove(name);
            }
            Self::FleetBreaks(yes) => content.fleet_broken = yes,
            Self::Member(membership) => content.membership = membership,
        }
    }
}

fn switch_policy(content: &mut Content, name: &str, switch: Switch, yes: bool) {
    let Some(policy) = content.applications.get_mut(name) else {
        return;
    };
    match switch {
        Switch::Automated => policy.automated = yes,
        Switch::Prune => policy.prune = yes,
        Switch::SelfHeal => policy.self_heal = yes,
        Switch::Adopt => policy.adopt = yes,
        Switch::Cascade => policy.cascade = yes,
    }
}
