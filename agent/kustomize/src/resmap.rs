//! The ordered set of objects a build works on; no two share an identity.

use std::collections::BTreeSet;

use muster_model::{Problem, Reason};

use crate::failure::{Step, failed};
use crate::id::Id;
use crate::resource::{Behavior, Resource};

/// Objects in the order they were loaded.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResMap {
    list: Vec<Resource>,
    /// The identities of `list`, kept while objects are only added.
    keys: Option<BTreeSet<String>>,
}

impl ResMap {
    /// The objects.
    pub(crate) fn list(&self) -> &[Resource] {
        &self.list
    }

    /// The objects, to change.
    pub(crate) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.keys = None;
        &mut self.list
    }

    /// The objects, by value.
    pub(crate) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    /// Adds an object; its identity must be new.
    pub(crate) fn append(&mut self, resource: Resource) -> Step<()> {
        let keys = self
            .keys
            .get_or_insert_with(|| self.list.iter().map(|r| r.id().key()).collect());
        if keys.insert(resource.id().key()) {
            self.list.push(resource);
            return Ok(());
        }
        let mut problem = Problem::new(
            Reason::DuplicateObject,
            format!(
                "may not add resource with an already registered id: {}",
                resource.id()
            ),
        );
        problem.at = resource.location();
        if let Some(first) = self
            .list
            .iter()
            .find(|r| r.id().same(&resource.id()))
            .and_then(Resource::location)
        {
            problem = problem.remedy(format!(
                "remove or rename one of them; the other is at {first}"
            ));
        }
        Err(problem.into())
    }

    /// Adds objects; every identity must be new.
    pub(crate) fn append_all(&mut self, resources: Vec<Resource>) -> Step<()> {
        if self.list.is_empty() {
            self.list.reserve(resources.len());
        }
        resources.into_iter().try_for_each(|r| self.append(r))
    }

    /// Checks that no two objects share an identity.
    pub(crate) fn check_unique(&mut self) -> Step<()> {
        let list = std::mem::take(self.list_mut());
        self.append_all(list)
    }

    /// Makes the fields that share a value equal again, after a step.
    pub(crate) fn settle_groups(&mut self) {
        self.list.iter_mut().for_each(Resource::settle_groups);
    }

    /// Takes deleted objects out.
    pub(crate) fn drop_empty(&mut self) {
        if self.list.iter().any(Resource::is_empty) {
            self.list_mut().retain(|r| !r.is_empty());
        }
    }

    /// Indexes of the objects that have or had an identity that `matches`.
    pub(crate) fn matching_any_id(&self, matches: impl Fn(&Id<'_>) -> bool) -> Vec<usize> {
        self.list
            .iter()
            .enumerate()
            .filter(|(_, r)| !r.is_empty() && r.all_ids().any(|id| matches(&id)))
            .map(|(index, _)| index)
            .collect()
    }

    /// The one object a patch names.
    pub(crate) fn patch_target(&self, id: &Id<'_>) -> Step<usize> {
        match self.matching_any_id(|other| id.same(other)).as_slice() {
            [one] => Ok(*one),
            [] => Err(
                failed(format!("no resource matches strategic merge patch {id}"))
                    .remedy(
                        "correct kind, name or namespace of the patch, or give the entry a target",
                    )
                    .into(),
            ),
            several => {
                let ids: Vec<_> = several
                    .iter()
                    .map(|i| self.list[*i].id().to_string())
                    .collect();
                Err(failed(format!(
                    "multiple matches for strategic merge patch {id}: {}",
                    ids.join(", ")
                ))
                .into())
            }
        }
    }

    /// Adds generated objects, replacing or merging as they ask.
    pub(crate) fn absorb_all(&mut self, generated: Vec<Resource>) -> Step<()> {
        generated.into_iter().try_for_each(|r| self.absorb(r))
    }

    fn absorb(&mut self, mut new: Resource) -> Step<()> {
        let id = new.id().into_owned();
        let matches = self.matching_any_id(|other| id.same(other));
        let index = match matches.as_slice() {
            [] => {
                return match new.behavior.unwrap_or_default() {
                    Behavior::Merge | Behavior::Replace => Err(failed(format!(
                        "id {id} does not exist; cannot merge or replace"
                    ))
                    .field("behavior")
                    .into()),
                    Behavior::Create | Behavior::Unspecified => self.append(new),
                };
            }
            [one] => *one,
            _ => {
                return Err(failed(format!(
                    "found multiple objects that could accept merge of {id}"
                ))
                .into());
            }
        };
        let behavior = new.behavior.unwrap_or_default();
        let old = &self.list[index];
        new.trail.clone_from(&old.trail);
        match behavior {
            Behavior::Replace => {
                new.merge_metadata_from(old);
                if new.transformations.is_empty() {
                    new.transformations.clone_from(&old.transformations);
                }
            }
            Behavior::Merge => {
                new.merge_metadata_from(old);
                new.transformations.clone_from(&old.transformations);
                crate::generate::merge_data(&mut new, old);
                if old.origin.is_some() {
                    new.origin.clone_from(&old.origin);
                }
            }
            Behavior::Create | Behavior::Unspecified => {
                return Err(Problem::new(
                    Reason::DuplicateObject,
                    format!("id {id} exists; behavior must be merge or replace"),
                )
                .field("behavior")
                .into());
            }
        }
        self.list_mut()[index] = new;
        Ok(())
    }
}
