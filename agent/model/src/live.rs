//! Live objects by identity, with what every plan asks of them found without looking at each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use crate::observed::Record;
use crate::{ApplicationKey, GroupKind, ObjectId};

/// The records of live objects. Reads like the map that it is; what is written keeps the indexes true.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveObjects {
    records: BTreeMap<ObjectId, Record>,
    /// Objects by the Application that their mark names, copies of marks among them.
    marked: BTreeMap<ApplicationKey, BTreeSet<ObjectId>>,
    /// Objects by their `part-of` label.
    parts: BTreeMap<String, usize>,
    /// Autoscalers: objects that scale another.
    scalers: BTreeSet<ObjectId>,
    /// Labelled objects whose mark names another object, or that a controller made.
    doubtful: BTreeSet<ObjectId>,
    /// Every `fieldsV1` once: objects of one kind that one release made mostly have the same.
    fields: Texts,
}

/// Texts that are kept once. What they hold says nothing of the objects, so they do not count when those are compared.
#[derive(Debug, Clone, Default)]
struct Texts(BTreeSet<Arc<str>>);

impl PartialEq for Texts {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Texts {}

/// Different texts that are kept at most; then all are forgotten, and what is in use stays where it is used.
const MAX_TEXTS: usize = 4096;

impl Texts {
    fn share(&mut self, text: &mut Arc<str>) {
        if let Some(known) = self.0.get(text) {
            text.clone_from(known);
            return;
        }
        if self.0.len() >= MAX_TEXTS {
            self.0.clear();
        }
        self.0.insert(Arc::clone(text));
    }
}

impl Deref for LiveObjects {
    type Target = BTreeMap<ObjectId, Record>;
    fn deref(&self) -> &Self::Target {
        &self.records
    }
}

impl LiveObjects {
    /// Puts a record in place of the one before.
    pub fn insert(&mut self, id: ObjectId, mut record: Record) {
        self.remove(&id);
        if let Some(mark) = &mut record.applied {
            // One allocation for what is equal: most marks name the object that carries them.
            if mark.object == id {
                mark.object = id.clone();
            }
            if let Some((known, _)) = self.marked.get_key_value(&mark.application) {
                mark.application = known.clone();
            }
            let of_application = self.marked.entry(mark.application.clone()).or_default();
            of_application.insert(id.clone());
        }
        for entry in &mut record.managers {
            if let Some(fields) = &mut entry.fields {
                self.fields.share(fields);
            }
        }
        if let Some(part_of) = &record.part_of {
            *self.parts.entry(part_of.clone()).or_default() += 1;
        }
        if record.scale_target.is_some() {
            self.scalers.insert(id.clone());
        }
        if is_doubtful(&id, &record) {
            self.doubtful.insert(id.clone());
        }
        self.records.insert(id, record);
    }

    /// Takes an object out.
    pub fn remove(&mut self, id: &ObjectId) -> Option<Record> {
        let record = self.records.remove(id)?;
        if let Some(mark) = &record.applied
            && let Some(ids) = self.marked.get_mut(&mark.application)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.marked.remove(&mark.application);
            }
        }
        if let Some(part_of) = &record.part_of
            && let Some(count) = self.parts.get_mut(part_of)
        {
            *count -= 1;
            if *count == 0 {
                self.parts.remove(part_of);
            }
        }
        self.scalers.remove(id);
        self.doubtful.remove(id);
        Some(record)
    }

    /// Takes every object of a kind out.
    pub fn remove_kind(&mut self, kind: &GroupKind) {
        let of_kind = |id: &&ObjectId| id.is_of(&kind.group, &kind.kind);
        let gone: Vec<ObjectId> = self.records.keys().filter(of_kind).cloned().collect();
        for id in gone {
            self.remove(&id);
        }
    }

    /// Notes that the API server has begun to delete an object.
    pub fn note_deleting(&mut self, id: &ObjectId) {
        if let Some(record) = self.records.get_mut(id) {
            record.deleting = true;
        }
    }

    /// The objects whose mark names this Application; a copied mark names it too.
    pub fn marked<'a>(
        &'a self,
        application: &ApplicationKey,
    ) -> impl Iterator<Item = (&'a ObjectId, &'a Record)> + use<'a> {
        let ids = self.marked.get(application).into_iter().flatten();
        ids.filter_map(|id| self.records.get_key_value(id))
    }

    /// The Applications that marks name.
    pub fn applications(&self) -> impl Iterator<Item = &ApplicationKey> {
        self.marked.keys()
    }

    /// How many objects carry this `part-of` label.
    #[must_use]
    pub fn count_part_of(&self, applyset: &str) -> usize {
        self.parts.get(applyset).copied().unwrap_or(0)
    }

    /// What autoscalers that stay scale.
    pub fn scale_targets(&self) -> impl Iterator<Item = &ObjectId> {
        self.scalers
            .iter()
            .filter_map(|id| self.records.get(id))
            .filter(|record| !record.deleting)
            .filter_map(|record| record.scale_target.as_ref())
    }

    /// Labelled objects whose marks a controller may have copied.
    pub fn doubtful(&self) -> impl Iterator<Item = (&ObjectId, &Record)> {
        self.doubtful
            .iter()
            .filter_map(|id| self.records.get_key_value(id))
    }
}

impl Extend<(ObjectId, Record)> for LiveObjects {
    fn extend<T: IntoIterator<Item = (ObjectId, Record)>>(&mut self, records: T) {
        for (id, record) in records {
            self.insert(id, record);
        }
    }
}

impl FromIterator<(ObjectId, Record)> for LiveObjects {
    fn from_iter<T: IntoIterator<Item = (ObjectId, Record)>>(records: T) -> Self {
        let mut live = Self::default();
        live.extend(records);
        live
    }
}

fn is_doubtful(id: &ObjectId, record: &Record) -> bool {
    let names_itself = record.applied.as_ref().is_some_and(|m| m.object == *id);
    !names_itself || record.controller.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::AppliedMark;

    fn id(name: &str) -> ObjectId {
        ObjectId::new("", "ConfigMap", "shop", name)
    }

    fn record(object: &ObjectId, application: &str) -> Record {
        let text = r#"{"uid":"1","resource_version":"1","generation":0,"created":null,"deleting":false,"finalizers":[],
            "part_of":"set","applied":null,"claims":[],"controller":null,"managers":[],"sync_options":null,"health":null,
            "complete":false,"scale_target":null}"#;
        let mut record: Record = serde_json::from_str(text).expect("a record");
        record.applied = Some(AppliedMark {
            object: object.clone(),
            application: ApplicationKey::new("p", application),
            digest: String::new(),
        });
        record
    }

    #[test]
    fn what_is_replaced_or_removed_leaves_no_trace() {
        let mut live = LiveObjects::default();
        live.insert(id("a"), record(&id("a"), "one"));
        live.insert(id("a"), record(&id("a"), "two"));
        live.insert(id("copy"), record(&id("a"), "two"));
        let of = |live: &LiveObjects, name: &str| {
            let found = live.marked(&ApplicationKey::new("p", name));
            found
                .map(|(id, _)| id.name().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&live, "one"), [""; 0]);
        assert_eq!(of(&live, "two"), ["a", "copy"]);
        let doubtful: Vec<_> = live.doubtful().map(|(id, _)| id.clone()).collect();
        assert_eq!((doubtful, live.count_part_of("set")), (vec![id("copy")], 2));
        live.remove_kind(&GroupKind::new("", "ConfigMap"));
        assert_eq!(live, LiveObjects::default());
    }
}
