//! The distinct sources of a fleet's Applications, and what they render to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_fleet::hub::Hub;
use muster_model::kinds::Scope;
use muster_model::{BlobId, Digest, GroupKind, Location, Manifest, Problem, RepoPath};
use muster_sync::DesiredObject;

use super::Question;
use super::content::Setting;
use super::render::{Outcome, Render, Unit, UnitSource, with_bodies};
use crate::commits::{Commits, SourceState};
use crate::desire::Need;
use crate::each::collect;
use crate::render::{asked_of, located};

/// The distinct sources, and their renders as far as they are done.
#[derive(Default)]
pub(super) struct Units {
    /// The first Application with each of them; `None` for objects that are not rendered from sources.
    defined: Vec<Option<Application>>,
    /// Numbers of `defined` by the paths of the sources: few share all of them.
    by_paths: BTreeMap<Vec<RepoPath>, Vec<usize>>,
    done: Vec<Done>,
}

/// A unit and its render, or why there is none.
type Done = Result<(Unit, Arc<Render>), Arc<[Problem]>>;

impl Units {
    /// The number of an Application's sources among the distinct ones.
    pub(super) fn intern(&mut self, application: &Application) -> usize {
        let number = self.defined.len();
        if !is_individual(application) {
            let paths = application.sources.iter().map(|s| s.path.clone()).collect();
            let numbers = self.by_paths.entry(paths).or_default();
            let same = |number: &&usize| {
                let first = self.defined[**number].as_ref();
                first.is_some_and(|first| first.sources == application.sources)
            };
            if let Some(number) = numbers.iter().find(same) {
                return *number;
            }
            numbers.push(number);
        }
        self.defined.push(Some(application.clone()));
        number
    }

    /// Takes objects that are at hand, or what is wrong with them.
    pub(super) fn take(&mut self, objects: Result<Vec<Manifest>, Vec<Problem>>) -> usize {
        let number = self.defined.len();
        self.defined.push(None);
        self.done.push(match objects {
            Ok(objects) => {
                let unit = Unit {
                    id: Digest::of(b""),
                    sources: Vec::new(),
                };
                Ok((unit, Arc::new(Render::given(objects, Vec::new()))))
            }
            Err(problems) => Err(problems.into()),
        });
        number
    }

    /// Renders every unit that is not rendered yet, or collects everything that is missing for any of them.
    pub(super) fn render(&mut self, question: &Question<'_>, hub: &Hub) -> Result<(), Need> {
        let first = self.done.len();
        let fresh = &self.defined[first..];
        let located = fresh
            .iter()
            .flatten()
            .map(|application| unit(hub, question.commits, application))
            .collect::<Vec<_>>();
        let mut lack = Lack::default();
        let results = collect(question.each, located.len(), |index| {
            let unit = located[index].as_ref().map_err(Clone::clone)?;
            question.memory.render(unit, question.commits)
        });
        for (unit, result) in located.into_iter().zip(results) {
            match result {
                Ok(render) => self.done.extend(unit.ok().map(|unit| Ok((unit, render)))),
                Err(Need::Refused(problems)) => {
                    let first = self.defined[self.done.len()].as_ref();
                    let problems = placed(problems, first.map(|first| &first.origin));
                    self.done.push(Err(problems));
                }
                Err(need) => lack.add(need),
            }
        }
        lack.or(())
    }

    /// The objects of a unit, without Argo CD's own; rendered again when they are not at hand.
    pub(super) fn objects(
        &self,
        question: &Question<'_>,
        unit: usize,
    ) -> Result<Result<Vec<Manifest>, Vec<Problem>>, Need> {
        let (unit, render) = match &self.done[unit] {
            Ok(done) => done,
            Err(problems) => return Ok(Err(problems.to_vec())),
        };
        let objects = render.objects(unit, question.commits, question.memory.parsed())?;
        Ok(Ok(objects.to_vec()))
    }

    /// The objects of a unit that has no sources.
    pub(super) fn given(&self, unit: usize) -> Option<Arc<[Manifest]>> {
        match &self.done[unit] {
            Ok((unit, render)) if unit.sources.is_empty() => render.at_hand(),
            Ok(_) | Err(_) => None,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.done.len()
    }

    pub(super) fn argo_objects(&self, unit: usize) -> Vec<Manifest> {
        match &self.done[unit] {
            Ok((_, render)) => render.argo_objects(),
            Err(_) => Vec::new(),
        }
    }

    pub(super) fn scopes(&self, unit: usize) -> &[(GroupKind, Scope)] {
        match &self.done[unit] {
            Ok((_, render)) => &render.scopes,
            Err(_) => &[],
        }
    }

    /// The kinds whose scope something else has to say; `None` without a render.
    pub(super) fn foreign(&self, unit: usize) -> Option<&BTreeSet<GroupKind>> {
        match &self.done[unit] {
            Ok((_, render)) => Some(&render.foreign),
            Err(_) => None,
        }
    }

    /// The content of each Application, each distinct one made once.
    pub(super) fn contents(
        &self,
        question: &Question<'_>,
        of: &[usize],
        settings: &[Option<Setting>],
    ) -> Result<Vec<Outcome>, Need> {
        let mut distinct: Vec<(usize, &Setting)> = Vec::new();
        let mut numbers: BTreeMap<(usize, &Setting), usize> = BTreeMap::new();
        for (unit, setting) in of.iter().zip(settings) {
            if let Some(setting) = setting {
                numbers.entry((*unit, setting)).or_insert_with(|| {
                    distinct.push((*unit, setting));
                    distinct.len() - 1
                });
            }
        }
        let made = collect(question.each, distinct.len(), |number| {
            let (unit, setting) = distinct[number];
            self.content(question, unit, setting)
        });
        let mut lack = Lack::default();
        let mut outcomes = Vec::with_capacity(made.len());
        for result in made {
            match result {
                Ok(outcome) => outcomes.push(outcome),
                Err(Need::Refused(problems)) => outcomes.push(Err(problems.into())),
                Err(need) => lack.add(need),
            }
        }
        lack.or(())?;
        let outcome =
            |(unit, setting): (&usize, &Option<Setting>)| match (&self.done[*unit], setting) {
                (Err(problems), _) => Err(Arc::clone(problems)),
                (Ok(_), None) => Err(Arc::from([])),
                (Ok(_), Some(setting)) => outcomes[numbers[&(*unit, setting)]].clone(),
            };
        Ok(of.iter().zip(settings).map(outcome).collect())
    }

    fn content(
        &self,
        question: &Question<'_>,
        unit: usize,
        setting: &Setting,
    ) -> Result<Outcome, Need> {
        let (unit, render) = match &self.done[unit] {
            Ok(done) => done,
            Err(problems) => return Ok(Err(Arc::clone(problems))),
        };
        if let Some(known) = render.known(setting) {
            return Ok(known);
        }
        let objects = render.objects(unit, question.commits, question.memory.parsed())?;
        question.memory.made();
        Ok(render.learn(setting.clone(), &objects, question.memory.key()))
    }
}

/// The objects of an Application with their bodies.
pub(super) fn bodies(
    question: &Question<'_>,
    hub: &Hub,
    application: &Application,
    setting: &Setting,
) -> Result<Vec<DesiredObject>, Need> {
    let unit = unit(hub, question.commits, application)?;
    let render = question.memory.render(&unit, question.commits)?;
    let objects = render.objects(&unit, question.commits, question.memory.parsed())?;
    Ok(with_bodies(&objects, setting, question.memory.key()))
}

/// Objects that are at hand, with their bodies.
pub(super) fn given_bodies(
    question: &Question<'_>,
    objects: &[Manifest],
    setting: &Setting,
) -> Vec<DesiredObject> {
    with_bodies(objects, setting, question.memory.key())
}

/// Problems that name no file are found where the Application is defined.
fn placed(mut problems: Vec<Problem>, origin: Option<&Location>) -> Arc<[Problem]> {
    for problem in &mut problems {
        if problem.at.is_none() {
            problem.at = origin.cloned();
        }
    }
    problems.into()
}

/// True when a render may depend on whose it is: Argo CD replaces `$ARGOCD_APP_…` in some options.
fn is_individual(application: &Application) -> bool {
    application.sources.iter().any(|source| {
        let options = &source.kustomize;
        let texts = options.images.iter();
        let maps = [&options.common_labels, &options.common_annotations];
        texts
            .chain(maps.into_iter().flat_map(|map| map.values()))
            .any(|text| text.contains('$'))
    })
}

/// Where the sources really are, and how they are rendered.
pub(super) fn unit(hub: &Hub, commits: &Commits, application: &Application) -> Result<Unit, Need> {
    let mut sources = Vec::with_capacity(application.sources.len());
    let mut parts = Vec::with_capacity(application.sources.len());
    for source in &application.sources {
        let place = located(hub, commits, source, &application.origin)?;
        let revision = match commits.sources.get(&place) {
            Some(SourceState::At(revision, _)) => revision,
            Some(SourceState::Failed(problem)) => return Err(Need::Refused(vec![problem.clone()])),
            None => return Err(Need::Sources(BTreeSet::from([place]))),
        };
        if source.is_reference() {
            continue;
        }
        let asked = asked_of(application, source, revision)?;
        parts.push(format!("{} {asked:?} {place:?}", source.path));
        sources.push(UnitSource {
            path: source.path.clone(),
            asked,
            place,
        });
    }
    Ok(Unit {
        id: Digest::of_parts(parts.iter().map(String::as_bytes)),
        sources,
    })
}

/// Everything that is missing, in one answer.
#[derive(Default)]
struct Lack {
    sources: BTreeSet<crate::commits::SourceRef>,
    blobs: BTreeMap<String, BTreeSet<BlobId>>,
}

impl Lack {
    fn add(&mut self, need: Need) {
        match need {
            Need::Sources(sources) => self.sources.extend(sources),
            Need::Blobs(repository, blobs) => {
                self.blobs.entry(repository).or_default().extend(blobs);
            }
            Need::Refused(_) => {}
        }
    }

    fn or<T>(self, value: T) -> Result<T, Need> {
        if !self.sources.is_empty() {
            return Err(Need::Sources(self.sources));
        }
        match self.blobs.into_iter().next() {
            Some((repository, blobs)) => Err(Need::Blobs(repository, blobs.into_iter().collect())),
            None => Ok(value),
        }
    }
}
