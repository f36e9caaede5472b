//! The walk itself.

use muster_fleet::applicationset::ApplicationSet;
use muster_fleet::failure::Failure;
use muster_fleet::fleet::{Cluster, ClusterState, OnLeave};
use muster_fleet::generator::trace::{Entry, Trace, trace};
use muster_fleet::placement::Placement;
use muster_model::{ClusterName, Location, ObjectId, Problem, Reason};

use super::{Answer, Facts, Outcome, Step, reported};
use crate::desire::Need;
use crate::lines::{count, some};
use crate::survey::Surveyed;

/// Names listed in a line.
pub(super) const NAMED: usize = 12;

/// A walk under way.
pub(super) struct Walk<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) cluster: &'a ClusterName,
    pub(super) steps: Vec<Step>,
}

/// What a subject turned out to be.
enum Subject<'a> {
    Application(Surveyed<'a>),
    Set(&'a ApplicationSet),
    Placement(&'a Placement),
    /// An Application of other clusters that no set makes.
    Elsewhere(Surveyed<'a>),
    Broken(String, Vec<Problem>),
    Object(Vec<(Surveyed<'a>, ObjectId)>),
    Unknown,
}

impl<'a> Walk<'a> {
    pub(super) fn new(facts: Facts<'a>, cluster: &'a ClusterName) -> Self {
        Self {
            facts,
            cluster,
            steps: Vec::new(),
        }
    }

    /// Every step; the sentence to end with when none said "no".
    pub(super) fn all(&mut self, subject: Option<&str>) -> Result<String, Need> {
        let Some(cluster) = self.in_fleet() else {
            return Ok(String::new());
        };
        if !self.is_active(cluster) {
            return Ok(String::new());
        }
        let Some(subject) = subject else {
            return self.whole(cluster);
        };
        match self.find(subject) {
            Subject::Application(found) => self.application(cluster, found),
            Subject::Set(set) => self.set(cluster, set),
            Subject::Elsewhere(found) => {
                self.elsewhere(found);
                Ok(String::new())
            }
            Subject::Placement(placement) => Ok(self.placement(cluster, placement)),
            Subject::Broken(name, problems) => {
                let step = Step::new("is it valid", Answer::No, format!("`{name}` is not valid"));
                self.steps.push(step.with(problems));
                Ok(String::new())
            }
            Subject::Object(found) => self.objects(cluster, found),
            Subject::Unknown => {
                self.unknown(subject);
                Ok(String::new())
            }
        }
    }

    /// How it ended: at the first step that is not a "yes", or with the sentence given.
    pub(super) fn ends(&self, otherwise: String) -> (Outcome, String) {
        let stop = self.steps.iter().find(|step| step.answer == Answer::No);
        let wait = self.steps.iter().find(|step| step.answer == Answer::Waits);
        let unknown = self
            .steps
            .iter()
            .find(|step| step.answer == Answer::Unknown);
        match (stop, wait, unknown) {
            (Some(step), _, _) if step.problems.is_empty() => (Outcome::Lacks, step.text.clone()),
            (Some(step), _, _) => (Outcome::Fails, step.text.clone()),
            (None, Some(step), _) | (None, None, Some(step)) => (Outcome::Waits, step.text.clone()),
            (None, None, None) => (Outcome::Runs, otherwise),
        }
    }

    fn in_fleet(&mut self) -> Option<&'a Cluster> {
        let fleet = &self.facts.survey.hub.fleet;
        let question = "is it in the fleet file";
        let Some(cluster) = fleet.cluster(self.cluster) else {
            let known: Vec<String> = fleet.clusters.iter().map(|c| c.name.to_string()).collect();
            let text = format!("the fleet file has no cluster {}", self.cluster);
            let step = Step::new(question, Answer::No, text);
            let file = Location::file(self.facts.question.fleet_file.as_str());
            let clusters = format!("its clusters: {}", some(&known, NAMED));
            self.steps.push(step.at(clusters, Some(file)));
            return None;
        };
        let labels: Vec<String> = cluster
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let text = format!("cluster {} is in the fleet file", cluster.name);
        let labels = if labels.is_empty() {
            "no labels".to_owned()
        } else {
            format!("labels {}", some(&labels, NAMED))
        };
        let step = Step::new(question, Answer::Yes, text);
        self.steps
            .push(step.at(labels, cluster.declared_at.clone()));
        Some(cluster)
    }

    fn is_active(&mut self, cluster: &Cluster) -> bool {
        let question = "is it active";
        let name = &cluster.name;
        let (answer, text) = match (cluster.state, cluster.on_leave) {
            (ClusterState::Active, _) => (Answer::Yes, format!("{name} is active")),
            (ClusterState::Suspended, _) => (
                Answer::Waits,
                format!("{name} is suspended: it keeps what it runs and takes nothing new"),
            ),
            (ClusterState::Leaving, OnLeave::Preserve) => (
                Answer::No,
                format!("{name} is leaving the fleet; what it runs stays there"),
            ),
            (ClusterState::Leaving, OnLeave::Prune) => (
                Answer::No,
                format!("{name} is leaving the fleet; what it runs is deleted"),
            ),
        };
        let step = Step::new(question, answer, text);
        let state = format!("state {:?}", cluster.state);
        self.steps.push(step.at(state, cluster.declared_at.clone()));
        answer != Answer::No
    }

    /// What a word of the command line stands for.
    fn find(&self, text: &str) -> Subject<'a> {
        let survey = self.facts.survey;
        let named = |found: &Surveyed<'_>| {
            let key = &found.application.key;
            key.name == text || key.to_string() == text
        };
        if let Some(found) = survey.of(self.cluster).find(named) {
            return Subject::Application(found);
        }
        if let Some(set) = survey.hub.sets.get(text) {
            return Subject::Set(set);
        }
        if let Some(placement) = survey.hub.placements.get(text) {
            return Subject::Placement(placement);
        }
        let broken = &survey.hub.broken;
        let broken = broken
            .sets
            .get(text)
            .or_else(|| broken.applications.get(text))
            .or_else(|| broken.placements.get(text));
        if let Some(problems) = broken {
            return Subject::Broken(text.to_owned(), problems.clone());
        }
        if let Some(found) = survey.all().find(named) {
            let origin = found.application.set.as_ref();
            if let Some(placement) = origin.and_then(|name| survey.hub.placements.get(name)) {
                return Subject::Placement(placement);
            }
            let set = origin.and_then(|name| survey.hub.sets.get(name));
            return set.map_or(Subject::Elsewhere(found), Subject::Set);
        }
        let mut objects = Vec::new();
        for found in survey.of(self.cluster) {
            for object in found.content.iter().flat_map(|content| &content.objects) {
                if is_called(&object.id, text) {
                    objects.push((found, object.id.clone()));
                }
            }
        }
        if objects.is_empty() {
            Subject::Unknown
        } else {
            Subject::Object(objects)
        }
    }

    /// The cluster as a whole: every set, every Application.
    fn whole(&mut self, cluster: &Cluster) -> Result<String, Need> {
        let survey = self.facts.survey;
        for set in survey.hub.sets.values() {
            let entries = self.traced(set, cluster)?;
            let step = selection(set, cluster, &entries);
            let here: usize = entries.iter().map(|entry| entry.here).sum();
            // A set that is not for this cluster is no reason to stop.
            let answer = if here > 0 { Answer::Yes } else { step.answer };
            let answer = if answer == Answer::No {
                Answer::Yes
            } else {
                answer
            };
            self.steps.push(Step { answer, ..step });
        }
        let mut bad = 0;
        let mut total = 0;
        for found in survey.of(self.cluster) {
            total += 1;
            if let Err(problems) = found.content {
                bad += 1;
                let text = format!("{} cannot be enforced", found.application.key);
                let step = Step::new("does it render", Answer::No, text);
                self.steps.push(step.with(problems.to_vec()));
            }
        }
        self.steps
            .extend(reported::cluster(&self.facts, self.cluster));
        let applications = count(total, "Application");
        Ok(if bad == 0 {
            format!("{} should have {applications}", self.cluster)
        } else {
            format!(
                "{} should have {applications}, {bad} of which cannot be enforced",
                self.cluster
            )
        })
    }

    fn set(&mut self, cluster: &Cluster, set: &ApplicationSet) -> Result<String, Need> {
        let entries = self.traced(set, cluster)?;
        let step = selection(set, cluster, &entries);
        let stops = step.answer == Answer::No;
        self.steps.push(step);
        if stops {
            return Ok(String::new());
        }
        let failed = template_failures(&entries);
        if !failed.is_empty() {
            let text = format!("the template of {} fails for {}", set.name, cluster.name);
            self.steps
                .push(Step::new("does the template work", Answer::No, text).with(failed));
            return Ok(String::new());
        }
        let mine: Vec<Surveyed<'_>> = self
            .facts
            .survey
            .of(self.cluster)
            .filter(|found| found.application.set.as_ref() == Some(&set.name))
            .collect();
        if mine.is_empty() {
            self.not_targeted(cluster, set);
            return Ok(String::new());
        }
        let names: Vec<String> = mine.iter().map(|f| f.application.key.to_string()).collect();
        for found in mine {
            self.one(found);
        }
        Ok(format!(
            "{} should have {}",
            cluster.name,
            some(&names, NAMED)
        ))
    }

    /// Generated for the cluster, and yet not among its Applications: refused by name, project or repository.
    fn not_targeted(&mut self, cluster: &Cluster, set: &ApplicationSet) {
        let about = |problem: &&Problem| {
            problem
                .at
                .as_ref()
                .is_some_and(|at| at.file == set.origin.file)
        };
        let problems: Vec<Problem> = self
            .facts
            .survey
            .problems
            .iter()
            .filter(about)
            .cloned()
            .collect();
        let text = format!(
            "{} generates something for {}, and no Application of it is for that cluster",
            set.name, cluster.name
        );
        let step = Step::new("is it for this cluster", Answer::No, text);
        let step = step.at(
            "its destination decides whose Application it is",
            Some(set.origin.clone()),
        );
        self.steps.push(step.with(problems));
    }

    fn application(&mut self, cluster: &Cluster, found: Surveyed<'_>) -> Result<String, Need> {
        let application = found.application;
        match application
            .set
            .as_ref()
            .and_then(|set| self.facts.survey.hub.sets.get(set))
        {
            Some(set) => {
                let entries = self.traced(set, cluster)?;
                self.steps.push(selection(set, cluster, &entries));
            }
            None => self.steps.push(self.origin(application)),
        }
        self.one(found);
        Ok(format!("{} should have {}", cluster.name, application.key))
    }

    /// From a targeted Application to what the cluster reports of it.
    pub(super) fn one(&mut self, found: Surveyed<'_>) {
        let application = found.application;
        let key = &application.key;
        let denied = |problem: &Problem| {
            matches!(
                problem.reason,
                Reason::ProjectDenied | Reason::UnknownProject
            )
        };
        let project = self.facts.survey.hub.projects.get(&key.project);
        let origin = project.map(|project| project.origin.clone());
        match found.content {
            Ok(content) => {
                let text = format!("project {} permits {}", key.project, key.name);
                let step = Step::new("does the project permit it", Answer::Yes, text);
                self.steps.push(step.at("the project", origin));
                let objects = count(content.objects.len(), "object");
                let text = format!("{} renders {objects}", key.name);
                let mut step = Step::new("does it render", Answer::Yes, text);
                for source in &application.sources {
                    let what = match source.target_revision.as_str() {
                        "" => format!("source {} of the same commit", source.path),
                        revision => format!("source {} at {revision}", source.path),
                    };
                    step = step.at(what, None);
                }
                self.steps.push(step);
            }
            Err(problems) => {
                let refused = problems.iter().any(denied);
                let (question, text) = if refused {
                    (
                        "does the project permit it",
                        format!("project {} refuses {}", key.project, key.name),
                    )
                } else {
                    ("does it render", format!("{} does not render", key.name))
                };
                let step = Step::new(question, Answer::No, text).with(problems.to_vec());
                self.steps
                    .push(step.at("its definition", Some(application.origin.clone())));
                return;
            }
        }
        if let Some(held) = found.held {
            let text = format!("{} is held", key.name);
            let step = Step::new("does a gate hold it", Answer::Waits, text);
            self.steps.push(step.with([held.clone()]));
        }
        self.claims(found);
        if !found.manner.automated {
            let text = format!("{} is compared and reported, not applied", key.name);
            let step = Step::new("is it applied", Answer::Waits, text);
            let what = "it has no syncPolicy.automated";
            self.steps
                .push(step.at(what, Some(application.origin.clone())));
        }
        self.steps
            .extend(reported::application(&self.facts, self.cluster, key));
    }

    fn claims(&mut self, found: Surveyed<'_>) {
        let key = found.application.key.to_string();
        let cluster = format!("on cluster {}", self.cluster);
        let mine = |problem: &&Problem| {
            problem.reason == Reason::ClaimedTwice
                && problem.message.contains(&key)
                && problem.message.ends_with(&cluster)
        };
        let problems: Vec<Problem> = self
            .facts
            .survey
            .problems
            .iter()
            .filter(mine)
            .cloned()
            .collect();
        if !problems.is_empty() {
            let text = format!("another Application renders objects of {key}");
            self.steps
                .push(Step::new("are its objects its own", Answer::No, text).with(problems));
        }
    }

    fn objects(
        &mut self,
        cluster: &Cluster,
        found: Vec<(Surveyed<'_>, ObjectId)>,
    ) -> Result<String, Need> {
        let mut names = Vec::new();
        for (application, id) in found {
            let text = format!("{id} is rendered by {}", application.application.key);
            let step = Step::new("who renders it", Answer::Yes, text);
            let step = step.at(
                "the Application",
                Some(application.application.origin.clone()),
            );
            let (survey, question) = (self.facts.survey, self.facts.question);
            let at = survey.written_at(question, application, &id)?;
            self.steps.push(match at {
                Some(at) => step.at("the object", Some(at)),
                None => step,
            });
            self.application(cluster, application)?;
            let key = &application.application.key;
            self.steps
                .extend(reported::object(&self.facts, self.cluster, key, &id));
            names.push(id.to_string());
        }
        Ok(format!(
            "{} should have {}",
            cluster.name,
            some(&names, NAMED)
        ))
    }

    fn elsewhere(&mut self, found: Surveyed<'_>) {
        let application = found.application;
        let text = format!("{} is for cluster {}", application.key, application.cluster);
        let step = Step::new("is it for this cluster", Answer::No, text);
        self.steps
            .push(step.at("its destination", Some(application.origin.clone())));
    }

    fn unknown(&mut self, text: &str) {
        let survey = self.facts.survey;
        let mut names: Vec<String> = survey.hub.sets.keys().cloned().collect();
        names.extend(survey.hub.placements.keys().cloned());
        names.extend(
            survey
                .of(self.cluster)
                .map(|found| found.application.key.name.clone()),
        );
        let message = format!(
            "no Application, ApplicationSet or object of {} is called {text}",
            self.cluster
        );
        let step = Step::new("what is it", Answer::No, message);
        self.steps
            .push(step.at(format!("there are: {}", some(&names, NAMED)), None));
    }

    pub(super) fn traced(
        &self,
        set: &ApplicationSet,
        cluster: &Cluster,
    ) -> Result<Vec<Entry>, Need> {
        let commits = self.facts.question.commits;
        trace(&self.facts.survey.hub, set, cluster, &*commits.hub_tree).map_err(|failure| {
            match failure {
                Failure::NotFetched(blobs) => Need::Blobs(commits.hub_repository.clone(), blobs),
                Failure::Refused(problems) => Need::Refused(problems),
            }
        })
    }
}

/// `Deployment/web`, `Deployment.apps/shop/web`, whatever the case of the kind.
fn is_called(id: &ObjectId, text: &str) -> bool {
    let Some((kind, rest)) = text.split_once('/') else {
        return false;
    };
    let (kind, group) = kind
        .split_once('.')
        .map_or((kind, None), |(kind, group)| (kind, Some(group)));
    let named = match rest.split_once('/') {
        Some((namespace, name)) => id.namespace() == namespace && id.name() == name,
        None => id.name() == rest,
    };
    named && id.kind().eq_ignore_ascii_case(kind) && group.is_none_or(|group| id.group() == group)
}

/// Whether a set's generators give something for the cluster, and which label is in the way.
pub(super) fn selection(set: &ApplicationSet, cluster: &Cluster, entries: &[Entry]) -> Step {
    let question = "does the ApplicationSet select it";
    let here: usize = entries.iter().map(|entry| entry.here).sum();
    let produced: usize = entries.iter().map(|entry| entry.produced).sum();
    let failed: Vec<Problem> = entries
        .iter()
        .flat_map(|entry| entry.failed.clone())
        .collect();
    let all = format!(
        "its generators give {}, {here} of them for {}",
        count(produced, "parameter set"),
        cluster.name
    );
    if here > 0 {
        let text = format!("{} selects {}", set.name, cluster.name);
        let step = Step::new(question, Answer::Yes, text).at(all, Some(set.origin.clone()));
        return step.with(failed);
    }
    if !failed.is_empty() {
        let text = format!("the generators of {} fail", set.name);
        return Step::new(question, Answer::No, text).with(failed);
    }
    let mut reasons = Vec::new();
    let traces = entries.iter().flat_map(|entry| &entry.traces);
    traces.for_each(|trace| unmet_labels(trace, &mut reasons));
    for unmet in entries.iter().flat_map(|entry| &entry.dropped).flatten() {
        reasons.push((unmet.words("parameter"), set.origin.clone()));
    }
    let why = match reasons.first() {
        Some((first, _)) => format!(": {first}"),
        None if produced == 0 => ": its generators give nothing at all".to_owned(),
        None => ": none of its generators names the cluster".to_owned(),
    };
    let text = format!("{} does not select {}{why}", set.name, cluster.name);
    let mut step = Step::new(question, Answer::No, text).at(all, Some(set.origin.clone()));
    for (what, at) in reasons {
        step = step.at(what, Some(at));
    }
    step
}

fn unmet_labels(trace: &Trace, reasons: &mut Vec<(String, Location)>) {
    for unmet in trace.unmet.iter().flatten() {
        reasons.push((unmet.words("label"), trace.at.clone()));
    }
    trace
        .children
        .iter()
        .for_each(|child| unmet_labels(child, reasons));
}

pub(super) fn template_failures(entries: &[Entry]) -> Vec<Problem> {
    let rendered = entries.iter().flat_map(|entry| &entry.rendered);
    rendered
        .filter_map(|result| result.as_ref().err().cloned())
        .collect()
}
