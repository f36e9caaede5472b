//! What the fleet file permits and declares beside clusters: approvals, kinds, status.

use std::time::Duration;

use muster_model::kinds::Scope;
use muster_model::{CommitId, Digest, GroupKind, Node, Reason};
use schemars::JsonSchema;

use crate::decode::{Decoder, Fields, child};
use crate::{duration, git_url};

/// A deletion beyond the budget that somebody approved, as `muster plan` prints it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// Whose objects may go.
    #[schemars(flatten)]
    pub of: Approved,
    /// The source's path the deletion comes from; empty for any.
    #[schemars(default)]
    pub path: String,
    /// The digest of the sorted ids of what goes.
    #[schemars(with = "String")]
    pub deletions: Digest,
    /// The commit before the deletion.
    #[schemars(with = "String")]
    pub before: CommitId,
}

/// Whose objects an approval is about.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub enum Approved {
    /// One Application.
    Application(String),
    /// Every Application of one ApplicationSet.
    ApplicationSet(String),
}

/// How the clusters report.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusOptions {
    /// How often a cluster reports when nothing changes; unset: derived from the number of clusters.
    #[schemars(with = "Option<String>")]
    pub heartbeat: Option<Duration>,
    /// The status repository; unset: the hub repository.
    pub repository: Option<String>,
    /// The branch people read; unset: `status`.
    pub branch: Option<String>,
}

/// Reads a duration field.
pub(super) fn read_duration(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<Duration> {
    let node = fields.take(name)?;
    let path = fields.path_of(name);
    let text = decoder.text_of(node, &path)?;
    match duration::parse(&text) {
        Ok(value) => Some(value),
        Err(error) => {
            decoder.wrong(node.span.line, &path, error.to_string());
            None
        }
    }
}

/// Reads `spec.approvals`.
pub(super) fn read_approvals(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Approval> {
    let items = decoder.items(fields, "approvals");
    items
        .into_iter()
        .filter_map(|(path, node)| read_approval(decoder, node, &path))
        .collect()
}

fn read_approval(decoder: &mut Decoder, node: &Node, path: &str) -> Option<Approval> {
    let mut fields = decoder.fields(node, path);
    let application = decoder.text_opt(&mut fields, "application");
    let set = decoder.text_opt(&mut fields, "applicationSet");
    let source_path = decoder.text(&mut fields, "path");
    let deletions = decoder.text_required(&mut fields, "deletions");
    let before = decoder.text_required(&mut fields, "before");
    decoder.finish(fields);
    let of = match (application, set) {
        (Some(name), None) => Some(Approved::Application(name)),
        (None, Some(name)) => Some(Approved::ApplicationSet(name)),
        (Some(_), Some(_)) | (None, None) => {
            decoder.wrong(
                node.span.line,
                path,
                "an approval names either `application` or `applicationSet`",
            );
            None
        }
    };
    let line = node.span.line;
    let deletions = Digest::try_from(deletions)
        .map_err(|why| decoder.wrong(line, &child(path, "deletions"), why).reason)
        .ok();
    let before = CommitId::new(before)
        .map_err(|why| decoder.wrong(line, &child(path, "before"), why).reason)
        .ok();
    Some(Approval {
        of: of?,
        path: source_path,
        deletions: deletions?,
        before: before?,
    })
}

/// Reads `spec.protectedKinds`.
pub(super) fn read_protected(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<GroupKind> {
    let mut kinds = Vec::new();
    for (path, node) in decoder.items(fields, "protectedKinds") {
        let mut entry = decoder.fields(node, &path);
        kinds.push(read_kind(decoder, &mut entry));
        decoder.finish(entry);
    }
    kinds
}

/// Reads `spec.kinds`.
pub(super) fn read_kinds(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
) -> Vec<(GroupKind, Scope)> {
    let mut kinds = Vec::new();
    for (path, node) in decoder.items(fields, "kinds") {
        let mut entry = decoder.fields(node, &path);
        let kind = read_kind(decoder, &mut entry);
        if !entry.has("scope") {
            decoder.refuse(
                Reason::MissingField,
                node.span.line,
                &child(&path, "scope"),
                "`scope` is missing",
            );
        }
        let scope = decoder.word(
            &mut entry,
            "scope",
            &[
                ("Cluster", Scope::Cluster),
                ("Namespaced", Scope::Namespaced),
            ],
        );
        decoder.finish(entry);
        kinds.extend(scope.map(|scope| (kind, scope)));
    }
    kinds
}

fn read_kind(decoder: &mut Decoder, fields: &mut Fields<'_>) -> GroupKind {
    let group = decoder.text(fields, "group");
    GroupKind::new(group, decoder.text_required(fields, "kind"))
}

/// Reads `spec.status`.
pub(super) fn read_status(decoder: &mut Decoder, fields: &mut Fields<'_>) -> StatusOptions {
    let Some(node) = fields.take("status") else {
        return StatusOptions::default();
    };
    let path = fields.path_of("status");
    let mut entry = decoder.fields(node, &path);
    let options = StatusOptions {
        heartbeat: read_duration(decoder, &mut entry, "heartbeat"),
        repository: decoder.text_opt(&mut entry, "repository"),
        branch: decoder.text_opt(&mut entry, "branch"),
    };
    if let Some(why) = options.repository.as_deref().and_then(git_url::error) {
        decoder.refuse(
            Reason::InvalidUrl,
            node.span.line,
            &child(&path, "repository"),
            why,
        );
    }
    decoder.finish(entry);
    options
}
