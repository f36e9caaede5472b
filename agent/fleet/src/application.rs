//! An Application: one definition, for one cluster, in one project.

use std::collections::BTreeMap;

use muster_model::{ApplicationKey, ClusterName, Location, Node, Problem, Reason};

use crate::decode::{Decoder, Fields, child};
use crate::destination::{Destination, Directory, Written};
use crate::fleet::Fleet;
use crate::labels;
use crate::placement::Placement;
use crate::source::{self, Source};
use crate::sync_policy::{self, SyncPolicy};

/// The API version of Argo CD's kinds.
pub const ARGO_API_VERSION: &str = "argoproj.io/v1alpha1";
/// The finalizer that makes Argo CD delete an Application's objects with it.
const CASCADE: &str = "resources-finalizer.argocd.argoproj.io";

/// An Application of one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its project and name.
    pub key: ApplicationKey,
    /// The ApplicationSet it comes from.
    pub set: Option<String>,
    /// The Application that rendered it.
    pub parent: Option<ApplicationKey>,
    /// How many Applications above it rendered one another.
    pub depth: u32,
    /// Its labels, which rollout steps select by.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where its objects come from.
    pub sources: Vec<Source>,
    /// The cluster it runs on.
    pub cluster: ClusterName,
    /// The destination as shown.
    pub destination: Destination,
    /// When and how it is applied.
    pub sync_policy: SyncPolicy,
    /// Fields that others may change.
    pub ignore_differences: Vec<IgnoreDifference>,
    /// What becomes of its objects when it leaves Git.
    pub on_removal: OnRemoval,
    /// Where it is defined.
    pub origin: Location,
}

impl Application {
    /// Stands for the templates of a placement while they are rendered; nothing of it is applied.
    #[must_use]
    pub fn of_templates(placement: &Placement, cluster: &ClusterName) -> Self {
        let entry = &placement.entry;
        Self {
            key: ApplicationKey::new("", format!("templates of {}", entry.name)),
            set: None,
            parent: None,
            depth: 0,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            sources: vec![entry.source.clone()],
            cluster: cluster.clone(),
            destination: Destination::default(),
            sync_policy: entry.sync_policy.clone(),
            ignore_differences: Vec::new(),
            on_removal: OnRemoval::Preserve,
            origin: entry.origin.clone(),
        }
    }
}

/// Fields of some objects that others may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoreDifference {
    /// API group, a glob; empty is core.
    pub group: String,
    /// Kind, a glob.
    pub kind: String,
    /// Name; empty is any.
    pub name: String,
    /// Namespace; empty is any.
    pub namespace: String,
    /// RFC 6901 pointers.
    pub json_pointers: Vec<String>,
    /// Managers whose fields are theirs.
    pub managed_fields_managers: Vec<String>,
}

/// What becomes of an Application's objects when it leaves Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRemoval {
    /// They are deleted, under the brake.
    Delete,
    /// They are released and stay.
    Preserve,
}

/// An Application as written, before its destination is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) project: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) sources: Vec<Source>,
    pub(crate) destination: Written,
    pub(crate) sync_policy: SyncPolicy,
    pub(crate) ignore_differences: Vec<IgnoreDifference>,
    pub(crate) origin: Location,
}

impl Definition {
    /// Reads a whole Application document.
    pub(crate) fn read_document(decoder: &mut Decoder, node: &Node) -> Self {
        let mut fields = decoder.fields(node, "");
        fields.take("apiVersion");
        fields.take("kind");
        // What a live object carries beside its definition.
        fields.take("status");
        decoder.unsupported(
            &mut fields,
            "operation",
            Reason::NotSupported,
            "remove it: an operation belongs to a live Application",
        );
        Self::read(decoder, node, fields, "")
    }

    /// Reads `metadata` and `spec` of a document or of a rendered template.
    pub(crate) fn read(
        decoder: &mut Decoder,
        node: &Node,
        mut fields: Fields<'_>,
        path: &str,
    ) -> Self {
        let origin = decoder.at(node);
        let metadata = Metadata::read(decoder, fields.take("metadata"), path, node.span.line);
        let spec_path = child(path, "spec");
        let empty = Node::null();
        let spec = fields.take("spec").unwrap_or_else(|| {
            decoder.refuse(
                Reason::MissingField,
                node.span.line,
                &spec_path,
                "`spec` is missing",
            );
            &empty
        });
        decoder.finish(fields);
        let mut f = decoder.fields(spec, &spec_path);
        let destination = f.take("destination");
        let definition = Self {
            name: metadata.name,
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            project: read_project(decoder, &mut f),
            sources: source::read_all(decoder, &mut f),
            destination: Written::read(
                decoder,
                destination,
                &child(&spec_path, "destination"),
                spec.span.line,
            ),
            sync_policy: sync_policy::read(decoder, &mut f),
            ignore_differences: read_ignored(decoder, &mut f),
            origin,
        };
        decoder.unsupported(
            &mut f,
            "sourceHydrator",
            Reason::NotSupported,
            "name the branch with the rendered manifests as `source`",
        );
        // For people, and for Argo CD's own history: they decide nothing.
        f.take("info");
        f.take("revisionHistoryLimit");
        decoder.finish(f);
        definition
    }

    /// The Application on its cluster.
    pub(crate) fn on(
        self,
        directory: &Directory,
        cluster: ClusterName,
        set: Option<&str>,
        on_removal: Option<OnRemoval>,
    ) -> Application {
        let cascade = self.finalizers.iter().any(|f| f.starts_with(CASCADE));
        let own = if cascade {
            OnRemoval::Delete
        } else {
            OnRemoval::Preserve
        };
        Application {
            destination: self.destination.shown(directory, &cluster),
            key: ApplicationKey::new(self.project, self.name),
            set: set.map(ToOwned::to_owned),
            parent: None,
            depth: 0,
            labels: self.labels,
            annotations: self.annotations,
            sources: self.sources,
            cluster,
            sync_policy: self.sync_policy,
            ignore_differences: self.ignore_differences,
            on_removal: on_removal.unwrap_or(own),
            origin: self.origin,
        }
    }

    /// Says which sources lie in no repository of the fleet file.
    pub(crate) fn unknown_repositories(&self, fleet: &Fleet) -> Vec<Problem> {
        let unknown = self
            .sources
            .iter()
            .filter(|source| fleet.repository(&source.repo_url).is_none());
        unknown
            .map(|source| {
                Problem::new(
                    Reason::UnknownRepository,
                    format!(
                        "Application `{}` comes from {}, which is not under spec.repositories",
                        self.name,
                        crate::git_url::shown(&source.repo_url)
                    ),
                )
                .at(self.origin.clone())
            })
            .collect()
    }
}

#[derive(Default)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    finalizers: Vec<String>,
}

impl Metadata {
    fn read(decoder: &mut Decoder, node: Option<&Node>, path: &str, line: u32) -> Self {
        let path = child(path, "metadata");
        let Some(node) = node else {
            decoder.refuse(Reason::MissingField, line, &path, "`metadata` is missing");
            return Self::default();
        };
        let mut fields = decoder.fields(node, &path);
        let metadata = Self {
            name: decoder.text_required(&mut fields, "name"),
            labels: decoder.text_map(&mut fields, "labels"),
            annotations: decoder.text_map(&mut fields, "annotations"),
            finalizers: decoder.texts(&mut fields, "finalizers"),
        };
        // Applications are never stored in a cluster, so they lie in no namespace.
        fields.take("namespace");
        for live in LIVE_METADATA {
            fields.take(live);
        }
        decoder.finish(fields);
        let name = &metadata.name;
        if !name.is_empty() && !decoder.is_template(name) && !labels::is_subdomain(name) {
            decoder.wrong(
                node.span.line,
                &child(&path, "name"),
                format!("`{name}` is no DNS subdomain (lower-case letters, digits, '-' and '.')"),
            );
        }
        metadata
    }
}

/// Metadata that the API server adds to a stored object.
pub(crate) const LIVE_METADATA: &[&str] = &[
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The project; empty means `default`.
fn read_project(decoder: &mut Decoder, fields: &mut Fields<'_>) -> String {
    let project = decoder.text(fields, "project");
    if project.is_empty() {
        "default".to_owned()
    } else {
        project
    }
}

fn read_ignored(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<IgnoreDifference> {
    let mut out = Vec::new();
    for (path, node) in decoder.items(fields, "ignoreDifferences") {
        let mut f = decoder.fields(node, &path);
        let ignored = IgnoreDifference {
            group: decoder.text(&mut f, "group"),
            kind: decoder.text_required(&mut f, "kind"),
            name: decoder.text(&mut f, "name"),
            namespace: decoder.text(&mut f, "namespace"),
            json_pointers: decoder.texts(&mut f, "jsonPointers"),
            managed_fields_managers: decoder.texts(&mut f, "managedFieldsManagers"),
        };
        decoder.unsupported(
            &mut f,
            "jqPathExpressions",
            Reason::NotSupported,
            "name the fields with `jsonPointers` or `managedFieldsManagers`",
        );
        for pointer in &ignored.json_pointers {
            if !pointer.starts_with('/') && !decoder.is_template(pointer) {
                decoder.wrong(
                    node.span.line,
                    &child(&path, "jsonPointers"),
                    format!("`{pointer}` is no JSON pointer: it starts with `/`"),
                );
            }
        }
        decoder.finish(f);
        out.push(ignored);
    }
    out
}
