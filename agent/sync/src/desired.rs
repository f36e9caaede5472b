//! What Git says of one Application: objects ready to be compared and applied, and the policy to do it by.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_model::effect::Propagation;
use muster_model::marks;
use muster_model::observed::NamespaceMetadata;
use muster_model::release::Release;
use muster_model::{
    ApplicationKey, Digest, GroupKind, Gvk, Manifest, Node, ObjectId, Problem, Reason,
    ServiceAccount, json,
};
use serde::{Deserialize, Serialize};

use crate::generations::Generations;
use crate::options::{ObjectOptions, Permission};
use crate::order::defined_kind;
use crate::prepare::prepare;
use crate::record::scale_target;
use crate::reserved::reserved_field;
use crate::retry::Retry;

/// One Application at one release, completely rendered, with namespaces normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredSet {
    /// The Application.
    pub application: ApplicationKey,
    /// The release the objects come from.
    pub release: Release,
    /// Every object of the render, each identity once; shared, so that a set with other evidence costs nothing.
    pub objects: Arc<Vec<DesiredObject>>,
    /// How to treat them.
    pub policy: Policy,
    /// What is known of where they come from.
    pub evidence: Evidence,
    /// True when every object was already applied at this release once: what is missing now was taken away by
    /// somebody.
    pub applied_before: bool,
}

impl DesiredSet {
    /// The object with this identity: at once when the objects are sorted by it, else by looking at each.
    #[must_use]
    pub fn find(&self, id: &ObjectId) -> Option<&DesiredObject> {
        let sorted = self.objects.binary_search_by(|object| object.id.cmp(id));
        match sorted {
            Ok(index) => self.objects.get(index),
            Err(_) if self.objects.is_sorted_by(|a, b| a.id < b.id) => None,
            Err(_) => self.objects.iter().find(|object| object.id == *id),
        }
    }
}

/// What a deletion needs to be sure of, beside what the cluster shows (HAZARDS.md P1). All false unless shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The release passed the trust checks in this pass.
    pub trusted: bool,
    /// The newest fleet file was read and parsed in this pass.
    pub fleet_parsed: bool,
    /// The render is complete.
    pub rendered: bool,
}

impl Evidence {
    /// True when nothing is in doubt.
    #[must_use]
    pub fn is_complete(self) -> bool {
        let Self {
            trusted,
            fleet_parsed,
            rendered,
        } = self;
        trusted && fleet_parsed && rendered
    }
}

/// The Application's sync policy and options.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// `syncPolicy.automated`, or a rollout drives it: without, the Application is compared and reported only.
    pub automated: bool,
    /// `automated.prune`.
    pub prune: bool,
    /// `automated.selfHeal`.
    pub self_heal: bool,
    /// `automated.allowEmpty`.
    pub allow_empty: bool,
    /// `PruneLast=true`.
    pub prune_last: bool,
    /// `Prune=confirm`: each deletion waits for an approval.
    pub confirm_prune: bool,
    /// `Delete=confirm`: the same for the end of the Application.
    pub confirm_delete: bool,
    /// `PrunePropagationPolicy=`; Foreground, as in Argo CD, when not said.
    pub propagation: Option<Propagation>,
    /// `Replace=true` or `Force=true`: objects may be recreated when an immutable field changes.
    pub recreate: bool,
    /// `CreateNamespace=true`: the destination's namespace.
    pub create_namespace: Option<String>,
    /// `managedNamespaceMetadata`: what that namespace carries, whoever made it.
    pub namespace_metadata: Option<NamespaceMetadata>,
    /// `ignoreDifferences` by JSON pointers.
    pub ignore_differences: Vec<IgnoreDifference>,
    /// `preserveResourcesOnDeletion`: objects of a removed Application are released, not deleted.
    pub preserve_on_deletion: bool,
    /// Whom the objects are applied as (`destinationServiceAccounts`); the agent itself when not said.
    pub account: Option<ServiceAccount>,
    /// `retry`; muster's own pace when not said.
    pub retry: Option<Retry>,
    /// `muster.dev/adopt: "true"`: objects of other tools are taken over.
    pub adopt: bool,
}

/// One entry of `ignoreDifferences`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreDifference {
    /// API group; `*` for any.
    pub group: String,
    /// Kind; `*` for any.
    pub kind: String,
    /// Name, any when absent.
    pub name: Option<String>,
    /// Namespace, any when absent.
    pub namespace: Option<String>,
    /// The fields.
    pub json_pointers: Vec<String>,
    /// Every field these managers own.
    pub managers: Vec<String>,
}

impl IgnoreDifference {
    /// True when the entry speaks of this object.
    #[must_use]
    pub fn covers(&self, id: &ObjectId) -> bool {
        let is = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        let maybe = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|w| w.is_empty() || w == text)
        };
        is(&self.group, id.group())
            && is(&self.kind, id.kind())
            && maybe(&self.name, id.name())
            && maybe(&self.namespace, id.namespace())
    }
}

/// One object Git wants.
///
/// An agent keeps every one of them for as long as it runs, so the object itself is kept as compact JSON, a sixth of
/// what its tree takes, and read again where a decision looks into it.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredObject {
    /// What identifies it.
    pub id: ObjectId,
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The object without marks, as it will be sent: JSON.
    text: Box<str>,
    /// [`marks::content_digest`] of it.
    pub digest: String,
    /// Its own sync options and wave.
    pub options: ObjectOptions,
    /// The kind that a CustomResourceDefinition defines.
    pub defines: Option<GroupKind>,
    /// What an autoscaler scales.
    pub scales: Option<ObjectId>,
    /// A label or annotation it sets that belongs to muster; such an object is refused.
    pub reserved_field: Option<String>,
}

impl DesiredObject {
    /// Makes a rendered manifest ready: Secrets without `stringData`, no status; reads its options.
    ///
    /// `key` is the cluster's own, for the digests of Secrets.
    ///
    /// # Errors
    /// [`Reason::NotSupported`] for hooks, [`Reason::InvalidField`] for a bad wave, [`Reason::InvalidObject`] for what
    /// JSON cannot hold.
    pub fn new(manifest: Manifest, key: &[u8]) -> Result<Self, Problem> {
        let manifest = prepare(manifest);
        let body = manifest.body();
        let text: Box<str> = json::to_string(body).into();
        if json::from_slice(text.as_bytes()).is_err() {
            let message = format!("{} is nested too deeply for JSON", manifest.id());
            return Err(Problem::new(Reason::InvalidObject, message)
                .remedy("at most 128 levels of mappings and lists"));
        }
        Ok(Self {
            id: manifest.id(),
            gvk: manifest.gvk().clone(),
            digest: marks::content_digest(&manifest, key),
            options: ObjectOptions::of(&manifest)?,
            defines: defined_kind(body),
            scales: scale_target(body, manifest.namespace()),
            reserved_field: reserved_field(body),
            text,
        })
    }

    /// The object, as rendered.
    #[must_use]
    pub fn body(&self) -> Node {
        json::from_slice(self.text.as_bytes()).expect("because it was tried")
    }

    /// The object, as rendered, with its identity.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest::new(self.body()).expect("because it was made from one")
    }
}

/// What a cluster will be asked to delete between two releases of an Application, before anybody has looked at a cluster:
/// superseded generations and objects that say they stay do not count. Without `to` the Application is removed. Moves to
/// other Applications are the caller's to take out; the digest of the rest is what an approval names.
#[must_use]
pub fn deletions_between(from: &DesiredSet, to: Option<&DesiredSet>) -> BTreeSet<ObjectId> {
    let wanted: BTreeSet<ObjectId> = to
        .into_iter()
        .flat_map(|set| set.objects.iter())
        .map(|object| object.id.clone())
        .collect();
    let generations = Generations::of(&wanted);
    let stays = |options: &ObjectOptions| match to {
        Some(_) => options.prune == Permission::Never,
        None => options.delete == Permission::Never,
    };
    from.objects
        .iter()
        .filter(|object| {
            !wanted.contains(&object.id)
                && !generations.supersede(&object.id)
                && !stays(&object.options)
        })
        .map(|object| object.id.clone())
        .collect()
}

/// The digest of a list of objects: of their sorted ids. What an approval of deletions names.
#[must_use]
pub fn deletions_digest<'a>(ids: impl IntoIterator<Item = &'a ObjectId>) -> Digest {
    let mut texts: Vec<String> = ids.into_iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    Digest::of_parts(texts.iter().map(String::as_bytes))
}
