//! Every Application of every cluster, before and after; then those to whom the same happens, together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_fleet::application::Application;
use muster_model::{ApplicationKey, ClusterName, ObjectId, Problem, Reason};
use muster_sync::Permission;
use muster_sync::generations::Generations;

use super::clusters::{ClusterPlan, Standing, entry_gone, standing};
use super::compare::{Difference, Differences, Pair};
use super::{
    ApplicationCounts, Group, GroupKind, Move, ObjectChange, ObjectCounts, Place, Refused, Scope,
    Summary,
};
use crate::survey::{Content, Manner, Survey, Surveyed};

/// Every Application that was asked for.
#[derive(Default)]
pub(super) struct Compared<'s> {
    pub(super) members: Vec<Member<'s>>,
    pub(super) clusters: BTreeMap<ClusterName, ClusterPlan>,
    pub(super) refused: Vec<Refused>,
    pub(super) summary: Summary,
    pub(super) warnings: Vec<Problem>,
}

/// One Application to which something happens.
pub(super) struct Member<'s> {
    pub(super) place: Place,
    pub(super) kind: GroupKind,
    /// Its definition, the newer one where there are two.
    pub(super) application: &'s Application,
    pub(super) old: Option<&'s Arc<Content>>,
    pub(super) new: Option<&'s Arc<Content>>,
    pub(super) manner: Manner,
    pub(super) difference: Arc<Difference>,
    pub(super) moved: Vec<Move>,
    /// Taken over from another Application: neither new nor changed.
    taken: BTreeSet<ObjectId>,
    pub(super) kept: Vec<ObjectId>,
    pub(super) disappear: Vec<ObjectId>,
    /// Deletions that count for the budget: no superseded generations, nothing that stays.
    pub(super) counted: BTreeSet<ObjectId>,
    pub(super) needs_approval: Option<String>,
}

/// Compares every cluster.
pub(super) fn compare<'s>(from: Option<&'s Survey>, to: &'s Survey, scope: &Scope) -> Compared<'s> {
    let mut compared = Compared::default();
    let mut differences = Differences::default();
    let mut refusals: BTreeMap<Vec<Problem>, Vec<Place>> = BTreeMap::new();
    for cluster in clusters(from, to, scope) {
        let fleets = (from.map(|survey| &survey.hub.fleet), &to.hub.fleet);
        let standing = standing(&cluster, fleets.0, fleets.1);
        let gone = fleets.0.and_then(|fleet| fleet.cluster(&cluster));
        if standing == Standing::Unassigned {
            compared.warnings.extend(gone.and_then(entry_gone));
        }
        let mut walk = Walk {
            sides: Sides::of(&cluster, from, to),
            cluster: &cluster,
            standing,
            incomplete: &to.incomplete,
            differences: &mut differences,
            applications: ApplicationCounts::default(),
            objects: ObjectCounts::default(),
            refusals: &mut refusals,
            members: &mut compared.members,
        };
        walk.cluster();
        let plan = ClusterPlan {
            standing,
            applications: walk.applications,
            objects: walk.objects,
        };
        add(&mut compared.summary, &plan);
        compared.clusters.insert(cluster, plan);
    }
    compared.refused = refusals
        .into_iter()
        .map(|(problems, applications)| Refused {
            problems,
            applications,
        })
        .collect();
    compared
}

/// The clusters of both commits, as far as they were asked for.
fn clusters(from: Option<&Survey>, to: &Survey, scope: &Scope) -> BTreeSet<ClusterName> {
    let declared = |survey: &Survey| {
        let names = survey.hub.fleet.clusters.iter().map(|c| c.name.clone());
        names.collect::<BTreeSet<_>>()
    };
    let mut names = from.map(declared).unwrap_or_default();
    names.extend(declared(to));
    if !scope.clusters.is_empty() {
        names.retain(|name| scope.clusters.contains(name));
    }
    names
}

fn add(summary: &mut Summary, plan: &ClusterPlan) {
    let (a, b) = (&mut summary.applications, &plan.applications);
    a.appear += b.appear;
    a.change += b.change;
    a.disappear += b.disappear;
    a.refused += b.refused;
    a.same += b.same;
    let (o, p) = (&mut summary.objects, &plan.objects);
    o.appear += p.appear;
    o.change += p.change;
    o.disappear += p.disappear;
    o.moved += p.moved;
    o.kept += p.kept;
    o.same += p.same;
    summary.clusters += 1;
    let changes = b.appear + b.change + b.disappear > 0;
    summary.clusters_changed += usize::from(changes || plan.leaves());
}

/// One cluster's Applications at both commits, by key.
struct Sides<'s> {
    old: BTreeMap<&'s ApplicationKey, Surveyed<'s>>,
    new: BTreeMap<&'s ApplicationKey, Surveyed<'s>>,
    /// Who renders an object; made when first asked for.
    holders: Option<(Holders<'s>, Holders<'s>)>,
}

type Holders<'s> = BTreeMap<&'s ObjectId, &'s Application>;

impl<'s> Sides<'s> {
    fn of(cluster: &ClusterName, from: Option<&'s Survey>, to: &'s Survey) -> Self {
        let keyed = |survey: &'s Survey| {
            let all = survey.of(cluster);
            all.map(|found| (&found.application.key, found)).collect()
        };
        Self {
            old: from.map(keyed).unwrap_or_default(),
            new: keyed(to),
            holders: None,
        }
    }

    /// Who rendered each object before, and who does now.
    fn holders(&mut self) -> &(Holders<'s>, Holders<'s>) {
        let (old, new) = (&self.old, &self.new);
        self.holders
            .get_or_insert_with(|| (holders(old), holders(new)))
    }
}

fn holders<'s>(applications: &BTreeMap<&'s ApplicationKey, Surveyed<'s>>) -> Holders<'s> {
    let mut holders = Holders::new();
    for found in applications.values() {
        for object in found.content.iter().flat_map(|content| &content.objects) {
            holders.insert(&object.id, found.application);
        }
    }
    holders
}

/// One cluster, Application by Application.
struct Walk<'s, 'w> {
    sides: Sides<'s>,
    cluster: &'w ClusterName,
    standing: Standing,
    incomplete: &'w muster_fleet::targets::Incomplete,
    differences: &'w mut Differences,
    applications: ApplicationCounts,
    objects: ObjectCounts,
    refusals: &'w mut BTreeMap<Vec<Problem>, Vec<Place>>,
    members: &'w mut Vec<Member<'s>>,
}

impl<'s> Walk<'s, '_> {
    fn cluster(&mut self) {
        let keys: BTreeSet<&ApplicationKey> = self
            .sides
            .old
            .keys()
            .chain(self.sides.new.keys())
            .copied()
            .collect();
        for key in keys {
            let old = self.sides.old.get(key).copied();
            let new = self.sides.new.get(key).copied();
            match self.standing {
                Standing::Joins | Standing::Follows => self.application(key, old, new),
                Standing::Suspended | Standing::Unassigned => self.stays(old),
                Standing::LeavesPreserving | Standing::LeavesPruning => self.leaves(key, old),
            }
        }
    }

    /// Nothing happens to what a suspended or unassigned cluster runs.
    fn stays(&mut self, old: Option<Surveyed<'s>>) {
        if let Some(Ok(content)) = old.map(|old| old.content) {
            self.applications.same += 1;
            self.objects.same += content.objects.len();
        }
    }

    /// A leaving cluster lets go of what it ran, whatever the new commit renders for it.
    fn leaves(&mut self, key: &'s ApplicationKey, old: Option<Surveyed<'s>>) {
        let Some(old) = old else { return };
        let Ok(content) = old.content else { return };
        let mut manner = old.manner;
        manner.preserve |= self.standing == Standing::LeavesPreserving;
        let difference = self.differences.of(Some(content), None);
        self.gone(key, old, manner, (content, difference));
    }

    fn application(
        &mut self,
        key: &'s ApplicationKey,
        old: Option<Surveyed<'s>>,
        new: Option<Surveyed<'s>>,
    ) {
        let before = old.and_then(|old| old.content.ok());
        match new {
            Some(new) => match new.content {
                Err(problems) => self.refuse(key, problems.to_vec()),
                Ok(content) if content.objects.is_empty() && !new.manner.allow_empty => {
                    let message = format!("{} renders no object", path(new.application));
                    let problem = Problem::new(Reason::EmptyRender, message);
                    self.refuse(key, vec![problem.at(new.application.origin.clone())]);
                }
                Ok(content) => self.changes(key, new, before, content),
            },
            None => {
                let Some(old) = old else { return };
                let parent = old
                    .application
                    .parent
                    .as_ref()
                    .map(|parent| parent.name.as_str());
                let set = old.application.set.as_deref();
                if self.incomplete.covers(set, parent, &key.name) {
                    return self.stays(Some(old));
                }
                let Some(content) = before else { return };
                let difference = self.differences.of(Some(content), None);
                self.gone(key, old, old.manner, (content, difference));
            }
        }
    }

    fn refuse(&mut self, key: &ApplicationKey, problems: Vec<Problem>) {
        self.applications.refused += 1;
        let place = self.place(key);
        self.refusals.entry(problems).or_default().push(place);
    }

    fn changes(
        &mut self,
        key: &'s ApplicationKey,
        new: Surveyed<'s>,
        old: Option<&'s Arc<Content>>,
        content: &'s Arc<Content>,
    ) {
        let difference = self.differences.of(old.map(|c| &**c), Some(content));
        let nothing = difference.appear.is_empty()
            && difference.change.is_empty()
            && difference.leave.is_empty();
        if nothing && old.is_some() {
            self.applications.same += 1;
            self.objects.same += difference.same;
            return;
        }
        let kind = if old.is_some() {
            GroupKind::Changes
        } else {
            GroupKind::Appears
        };
        let member = Member {
            place: self.place(key),
            kind,
            application: new.application,
            old,
            new: Some(content),
            manner: new.manner,
            taken: self.taken(&difference.appear),
            difference,
            moved: Vec::new(),
            kept: Vec::new(),
            disappear: Vec::new(),
            counted: BTreeSet::new(),
            needs_approval: None,
        };
        let keeps = !new.manner.prune;
        self.settle(member, keeps);
    }

    fn gone(
        &mut self,
        key: &'s ApplicationKey,
        old: Surveyed<'s>,
        manner: Manner,
        (content, difference): (&'s Arc<Content>, Arc<Difference>),
    ) {
        let member = Member {
            place: self.place(key),
            kind: GroupKind::Disappears,
            application: old.application,
            old: Some(content),
            new: None,
            manner,
            difference,
            taken: BTreeSet::new(),
            moved: Vec::new(),
            kept: Vec::new(),
            disappear: Vec::new(),
            counted: BTreeSet::new(),
            needs_approval: None,
        };
        self.settle(member, manner.preserve);
    }

    /// Decides for each object that is no longer rendered whether it moves, stays or goes, and counts.
    fn settle(&mut self, mut member: Member<'s>, keeps: bool) {
        let difference = Arc::clone(&member.difference);
        let leaving = self.standing != Standing::Joins && self.standing != Standing::Follows;
        let wanted: BTreeSet<ObjectId> = match member.new {
            Some(content) => content.objects.iter().map(|o| o.id.clone()).collect(),
            None => BTreeSet::new(),
        };
        let generations = Generations::of(&wanted);
        for id in &difference.leave {
            let new_holder = match leaving {
                true => None,
                false => self.sides.holders().1.get(id).copied(),
            };
            if let Some(to) = new_holder {
                member.moved.push(Move {
                    object: id.clone(),
                    to: match &to.set {
                        Some(set) => format!("ApplicationSet {set}"),
                        None => to.key.to_string(),
                    },
                });
            } else if keeps || member.says_stay(id) {
                member.kept.push(id.clone());
            } else {
                member.disappear.push(id.clone());
                // A cluster that leaves asks nobody: an earlier commit said so.
                if !leaving && !generations.supersede(id) {
                    member.counted.insert(id.clone());
                }
            }
        }
        self.count(&member);
        self.members.push(member);
    }

    fn count(&mut self, member: &Member<'_>) {
        match member.kind {
            GroupKind::Appears => self.applications.appear += 1,
            GroupKind::Changes => self.applications.change += 1,
            GroupKind::Disappears => self.applications.disappear += 1,
        }
        self.objects.appear += member.appear().count();
        self.objects.change += member.difference.change.len();
        self.objects.disappear += member.disappear.len();
        self.objects.moved += member.moved.len();
        self.objects.kept += member.kept.len();
        self.objects.same += member.difference.same;
    }

    /// Objects that another Application rendered before.
    fn taken(&mut self, appear: &[ObjectId]) -> BTreeSet<ObjectId> {
        if appear.is_empty() || self.sides.old.is_empty() {
            return BTreeSet::new();
        }
        let (before, _) = self.sides.holders();
        let held = |id: &&ObjectId| before.contains_key(id);
        appear.iter().filter(held).cloned().collect()
    }

    fn place(&self, key: &ApplicationKey) -> Place {
        Place {
            cluster: self.cluster.clone(),
            application: key.clone(),
        }
    }
}

impl Member<'_> {
    /// Objects that are new to the cluster.
    pub(super) fn appear(&self) -> impl Iterator<Item = &ObjectId> {
        let all = self.difference.appear.iter();
        all.filter(|id| !self.taken.contains(id))
    }

    /// True when the object itself asks to stay.
    fn says_stay(&self, id: &ObjectId) -> bool {
        let object = self.old.and_then(|content| content.find(id));
        object.is_some_and(|object| {
            let said = if self.new.is_some() {
                object.prune
            } else {
                object.delete
            };
            said == Permission::Never
        })
    }
}

/// The path of the first source.
pub(super) fn path(application: &Application) -> &str {
    application
        .sources
        .first()
        .map_or("", |source| source.path.as_str())
}

/// Applications to whom the same happens, together; the larger changes first.
pub(super) fn group<'m, 's>(members: &'m [Member<'s>]) -> Vec<(Group, &'m Member<'s>)> {
    type Key<'m> = (
        GroupKind,
        Pair,
        Manner,
        &'m [Move],
        &'m BTreeSet<ObjectId>,
        Option<&'m str>,
    );
    let mut numbers: BTreeMap<Key<'m>, usize> = BTreeMap::new();
    let mut groups: Vec<(Group, &'m Member<'s>)> = Vec::new();
    for member in members {
        let key = (
            member.kind,
            (member.old.map(|c| c.digest), member.new.map(|c| c.digest)),
            member.manner,
            member.moved.as_slice(),
            &member.taken,
            member.needs_approval.as_deref(),
        );
        let number = *numbers.entry(key).or_insert_with(|| {
            groups.push((first(member), member));
            groups.len() - 1
        });
        let group = &mut groups[number].0;
        group.paths.insert(path(member.application).to_owned());
        group.sets.extend(member.application.set.clone());
        group.applications.push(member.place.clone());
    }
    groups.sort_by_key(|(group, _)| (group.kind, std::cmp::Reverse(group.applications.len())));
    groups
}

fn first(member: &Member<'_>) -> Group {
    let change = |id: &ObjectId| ObjectChange {
        object: id.clone(),
        diff: Vec::new(),
    };
    Group {
        kind: member.kind,
        paths: BTreeSet::new(),
        sets: BTreeSet::new(),
        appear: member.appear().cloned().collect(),
        change: member.difference.change.iter().map(change).collect(),
        disappear: member.disappear.clone(),
        moved: member.moved.clone(),
        kept: member.kept.clone(),
        same: member.difference.same,
        manner: member.manner,
        needs_approval: member.needs_approval.clone(),
        applications: Vec::new(),
    }
}
