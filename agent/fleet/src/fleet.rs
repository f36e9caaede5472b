//! The fleet file: which clusters there are, where repositories really are, and what the fleet permits.

mod cluster;
mod policy;
mod rollout;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::kinds::Scope;
use muster_model::{Budgets, ClusterName, GroupKind, Node, Problem, Reason, yaml};
use schemars::JsonSchema;

use crate::decode::{Decoder, Fields};
use crate::git_url;
use crate::placement::{self, PlacementEntry};

pub use cluster::{Cluster, ClusterState, OnLeave};
pub use policy::{Approval, Approved, StatusOptions};
pub use rollout::{Force, MaxFailures, OnFailure, Rollout, Window, WindowKind};

/// The version of the fleet file that this program reads.
pub const API_VERSION: &str = "muster.dev/v1alpha1";

/// The fleet file, complete and valid.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fleet {
    /// The fleet's name; part of the field manager, so at most 40 characters of an RFC 1123 label.
    pub name: String,
    /// A number that only ever grows; lets history be rewritten on purpose.
    #[schemars(default)]
    pub serial: u64,
    /// When the file stops being trusted as fresh (RFC 3339); clusters keep running what they have.
    #[schemars(with = "Option<String>")]
    pub expires: Option<jiff::Timestamp>,
    /// What a literal `https://kubernetes.default.svc` or `in-cluster` means.
    #[schemars(with = "Option<String>")]
    pub management_cluster: Option<ClusterName>,
    /// The members of the fleet.
    #[schemars(with = "Vec<Cluster>")]
    pub clusters: Arc<Vec<Cluster>>,
    /// Repositories that Applications may come from.
    #[schemars(default)]
    pub repositories: Vec<Repository>,
    /// Argo CD files, as paths from the root of this repository.
    #[schemars(default)]
    pub resources: Vec<String>,
    /// Resource templates, and the Karmada policies that place them.
    #[schemars(default, with = "Vec<PlacementShape>")]
    pub placements: Vec<PlacementEntry>,
    /// What RollingSync cannot say.
    #[schemars(default)]
    pub rollouts: Vec<Rollout>,
    /// Deletions beyond the budget that somebody approved.
    #[schemars(default)]
    pub approvals: Vec<Approval>,
    /// Kinds whose deletion always needs an approval, added to the built-in list.
    #[schemars(default, with = "Vec<KindName>")]
    pub protected_kinds: Vec<GroupKind>,
    /// Scopes of kinds that no CustomResourceDefinition of the commit declares.
    #[schemars(default, with = "Vec<KindScope>")]
    pub kinds: Vec<(GroupKind, Scope)>,
    /// How the clusters report.
    #[schemars(default)]
    pub status: StatusOptions,
    /// Applications whose children may name another project than their own.
    #[schemars(default)]
    pub admin_applications: Vec<String>,
    /// The lines of the fields of `spec`.
    #[schemars(skip)]
    lines: BTreeMap<&'static str, u32>,
}

/// A repository that Applications may come from.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// The URL as Argo CD files write it.
    pub url: String,
    /// True when this is the hub repository itself.
    #[schemars(default, rename = "self")]
    pub is_self: bool,
    /// Where it is really fetched from.
    pub mirror: Option<String>,
    /// What is demanded of its history.
    #[schemars(default)]
    pub history: History,
}

/// What is demanded of a repository's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
pub enum History {
    /// A new commit has to follow the accepted one.
    #[default]
    Linear,
    /// Any commit is accepted: for servers that keep no history.
    #[schemars(rename = "none")]
    None,
}

/// A kind, as the schema shows it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "stands for a model type in the JSON Schema")]
struct KindName {
    /// API group; empty for core.
    #[schemars(default)]
    group: String,
    /// Kind.
    kind: String,
}

/// A kind and its scope, as the schema shows it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "stands for a model type in the JSON Schema")]
struct KindScope {
    /// API group; empty for core.
    #[schemars(default)]
    group: String,
    /// Kind.
    kind: String,
    /// Whether objects of the kind lie in namespaces.
    scope: ScopeName,
}

/// An entry of `placements`, as the schema shows it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "stands for a parsed type in the JSON Schema")]
struct PlacementShape {
    /// The placement's name; unset: the last part of the source's path.
    name: Option<String>,
    /// The project of its Applications; unset: `default`, or what every placement may do where none is declared.
    project: Option<String>,
    /// The namespace of templates that name none; unset: `default`.
    namespace: Option<String>,
    /// A directory of this repository whose objects are templates, or a source as an Application has it.
    source: TextOr<serde_json::Map<String, serde_json::Value>>,
    /// Files with policies of policy.karmada.io/v1alpha1, or directories of such files.
    policies: TextOr<Vec<String>>,
    /// As in an Application; unset: automated, prune, selfHeal, CreateNamespace=true.
    sync_policy: Option<serde_json::Map<String, serde_json::Value>>,
}

/// A text, or something longer.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "stands for a parsed type in the JSON Schema")]
enum TextOr<T> {
    Text(String),
    Other(T),
}

/// The two scopes, as the schema shows them.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "stands for a model type in the JSON Schema")]
enum ScopeName {
    Cluster,
    Namespaced,
}

/// The whole document, as the schema shows it.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, title = "Fleet")]
#[expect(dead_code, reason = "the outer shape of the file, for the JSON Schema")]
struct Document {
    #[schemars(extend("const" = API_VERSION))]
    api_version: String,
    #[schemars(extend("const" = "Fleet"))]
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the outer shape of the file, for the JSON Schema")]
struct Metadata {
    /// The fleet's name.
    name: String,
}

/// The fields of [`Fleet`] without its name.
struct Spec;

impl JsonSchema for Spec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FleetSpec".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Fleet::json_schema(generator);
        if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
            properties.remove("name");
        }
        if let Some(required) = schema.get_mut("required").and_then(|r| r.as_array_mut()) {
            required.retain(|name| name != "name");
        }
        schema
    }
}

/// The JSON Schema of the fleet file, indented, with a final line break.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema)
        .expect("because a schema is plain JSON and writing to memory cannot fail");
    text.push('\n');
    text
}

impl Fleet {
    /// Reads the fleet file.
    ///
    /// # Errors
    /// Everything that is wrong with it: a fleet file is taken as a whole or not at all (HAZARDS.md T-29).
    pub fn parse(file: &str, bytes: &[u8]) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let invalid = |line: u32, message: String| {
            vec![
                Problem::new(Reason::InvalidFleetFile, message)
                    .at(muster_model::Location::line(file, line)),
            ]
        };
        let documents = yaml::read(bytes, &Budgets::default(), 0)
            .map_err(|error| invalid(error.line(), error.to_string()))?;
        let [document] = documents.as_slice() else {
            let count = documents.len();
            return Err(invalid(
                0,
                format!("expected one YAML document, found {count}"),
            ));
        };
        let mut decoder = Decoder::new(file, Reason::InvalidFleetFile);
        let fleet = read_document(&mut decoder, document);
        let (problems, warnings) = decoder.into_problems();
        match fleet {
            Some(fleet) if problems.is_empty() => Ok((fleet, warnings)),
            Some(_) | None => Err(problems),
        }
    }

    /// The line that a field of `spec` stands at.
    #[must_use]
    pub fn line_of(&self, field: &str) -> Option<u32> {
        self.lines.get(field).copied()
    }

    /// The cluster called `name`.
    #[must_use]
    pub fn cluster(&self, name: &ClusterName) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }

    /// The entry for a repository, URLs compared as Argo CD compares them.
    #[must_use]
    pub fn repository(&self, url: &str) -> Option<&Repository> {
        let wanted = git_url::normalise(url);
        self.repositories
            .iter()
            .find(|repository| git_url::normalise(&repository.url) == wanted)
    }
}

fn read_document(decoder: &mut Decoder, document: &Node) -> Option<Fleet> {
    let mut fields = decoder.fields(document, "");
    let version = decoder.text_required(&mut fields, "apiVersion");
    if !version.is_empty() && version != API_VERSION {
        let problem = decoder.wrong(
            fields.line_of("apiVersion"),
            "apiVersion",
            format!("unknown apiVersion `{version}`"),
        );
        problem.remedy = Some(format!("this program reads {API_VERSION}"));
    }
    let kind = decoder.text_required(&mut fields, "kind");
    if !kind.is_empty() && kind != "Fleet" {
        decoder.wrong(
            fields.line_of("kind"),
            "kind",
            format!("expected kind Fleet, found `{kind}`"),
        );
    }
    let name = read_name(decoder, &mut fields);
    let spec = fields.take("spec");
    if spec.is_none() {
        decoder.refuse(
            Reason::MissingField,
            fields.line(),
            "spec",
            "`spec` is missing",
        );
    }
    decoder.finish(fields);
    Some(read_spec(decoder, name, spec?))
}

fn read_name(decoder: &mut Decoder, fields: &mut Fields<'_>) -> String {
    /// `muster.<fleet>` has to fit a field manager's 128 characters and a label's 63 with room for a suffix.
    const MAX_NAME: usize = 40;
    let Some(node) = fields.take("metadata") else {
        decoder.refuse(
            Reason::MissingField,
            fields.line(),
            "metadata.name",
            "`metadata.name` is missing",
        );
        return String::new();
    };
    let mut metadata = decoder.fields(node, "metadata");
    let name = decoder.text_required(&mut metadata, "name");
    if !name.is_empty() && (name.len() > MAX_NAME || ClusterName::new(&*name).is_err()) {
        decoder.wrong(
            node.span.line,
            "metadata.name",
            format!("`{name}` is no RFC 1123 label of at most {MAX_NAME} characters"),
        );
    }
    decoder.finish(metadata);
    name
}

fn read_spec(decoder: &mut Decoder, name: String, node: &Node) -> Fleet {
    let mut fields = decoder.fields(node, "spec");
    let fleet = Fleet {
        name,
        serial: read_serial(decoder, &mut fields),
        expires: read_expires(decoder, &mut fields),
        management_cluster: read_management_cluster(decoder, &mut fields),
        clusters: cluster::read_all(decoder, &mut fields),
        repositories: read_repositories(decoder, &mut fields),
        resources: read_resources(decoder, &mut fields),
        placements: placement::read_entries(decoder, &mut fields),
        rollouts: rollout::read_all(decoder, &mut fields),
        approvals: policy::read_approvals(decoder, &mut fields),
        protected_kinds: policy::read_protected(decoder, &mut fields),
        kinds: policy::read_kinds(decoder, &mut fields),
        status: policy::read_status(decoder, &mut fields),
        admin_applications: decoder.texts(&mut fields, "adminApplications"),
        lines: fields.lines(),
    };
    if let Some(manager) = &fleet.management_cluster
        && fleet.cluster(manager).is_none()
    {
        decoder.wrong(
            fields.line_of("managementCluster"),
            "spec.managementCluster",
            format!("no cluster is called `{manager}`"),
        );
    }
    decoder.finish(fields);
    fleet
}

fn read_serial(decoder: &mut Decoder, fields: &mut Fields<'_>) -> u64 {
    let serial = decoder.int_opt(fields, "serial").unwrap_or_default();
    u64::try_from(serial).unwrap_or_else(|_| {
        decoder.wrong(
            fields.line_of("serial"),
            "spec.serial",
            "the serial is a number from 0 on",
        );
        0
    })
}

fn read_expires(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<jiff::Timestamp> {
    let text = decoder.text_opt(fields, "expires")?;
    let time = text.parse().ok();
    if time.is_none() {
        decoder.wrong(
            fields.line_of("expires"),
            "spec.expires",
            format!("`{text}` is no RFC 3339 time"),
        );
    }
    time
}

fn read_management_cluster(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<ClusterName> {
    let text = decoder.text_opt(fields, "managementCluster")?;
    match ClusterName::new(text) {
        Ok(name) => Some(name),
        Err(error) => {
            decoder.wrong(
                fields.line_of("managementCluster"),
                "spec.managementCluster",
                error.to_string(),
            );
            None
        }
    }
}

fn read_repositories(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Repository> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut repositories = Vec::new();
    for (path, node) in decoder.items(fields, "repositories") {
        let mut entry = decoder.fields(node, &path);
        let repository = Repository {
            url: decoder.text_required(&mut entry, "url"),
            is_self: decoder.bool(&mut entry, "self"),
            mirror: decoder.text_opt(&mut entry, "mirror"),
            history: decoder
                .word(
                    &mut entry,
                    "history",
                    &[("linear", History::Linear), ("none", History::None)],
                )
                .unwrap_or_default(),
        };
        decoder.finish(entry);
        let urls = [
            ("url", Some(&repository.url)),
            ("mirror", repository.mirror.as_ref()),
        ];
        for (field, url) in urls {
            if let Some(why) = url
                .filter(|url| !url.is_empty())
                .and_then(|url| git_url::error(url))
            {
                decoder.refuse(
                    Reason::InvalidUrl,
                    node.span.line,
                    &format!("{path}.{field}"),
                    why,
                );
            }
        }
        let fetched = repository.mirror.as_ref().unwrap_or(&repository.url);
        if !repository.is_self && git_url::is_ssh(fetched) {
            decoder.warn(
                Reason::InvalidUrl,
                node.span.line,
                &path,
                format!(
                    "`{}` is reached by SSH, which muster does not speak: set `mirror` to its https:// address",
                    git_url::shown(fetched)
                ),
            );
        }
        if let Some(first) = seen.insert(git_url::normalise(&repository.url), path.clone()) {
            decoder.wrong(
                node.span.line,
                &path,
                format!("the same repository as {first}"),
            );
        }
        repositories.push(repository);
    }
    repositories
}

fn read_resources(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<String> {
    let mut resources = Vec::new();
    for (path, node) in decoder.items(fields, "resources") {
        let Some(text) = decoder.text_of(node, &path) else {
            continue;
        };
        if let Err(error) = muster_model::RepoPath::new(&text) {
            decoder.refuse(
                Reason::PathEscapesRepo,
                node.span.line,
                &path,
                error.to_string(),
            );
        }
        resources.push(text);
    }
    resources
}

#[cfg(test)]
mod tests;
