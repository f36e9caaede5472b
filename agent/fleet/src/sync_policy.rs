//! When and how an Application is applied.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_model::{Node, Reason};

use crate::decode::{Decoder, Fields};
use crate::{duration, suggest};

/// When and how an Application is applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncPolicy {
    /// Unset: compared and reported, not applied.
    pub automated: Option<Automated>,
    /// Options, in the order of the file.
    pub options: Vec<SyncOption>,
    /// How often an apply that failed is tried again; unset: Argo CD's default.
    pub retry: Option<Retry>,
    /// Labels and annotations of the namespace that `CreateNamespace=true` makes.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
}

/// What is done without anybody asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Automated {
    /// Objects that left Git are deleted.
    pub prune: bool,
    /// Drift is corrected.
    pub self_heal: bool,
    /// A render without objects is taken as meant.
    pub allow_empty: bool,
}

/// One sync option of Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncOption {
    /// `Validate=`: whether the API server validates fields.
    Validate(bool),
    /// `SkipDryRunOnMissingResource=`.
    SkipDryRunOnMissingResource(bool),
    /// `Prune=`.
    Prune(Consent),
    /// `Delete=`.
    Delete(Consent),
    /// `ApplyOutOfSyncOnly=`; always so here.
    ApplyOutOfSyncOnly(bool),
    /// `PrunePropagationPolicy=`.
    PrunePropagationPolicy(Propagation),
    /// `PruneLast=`.
    PruneLast(bool),
    /// `Replace=`.
    Replace(bool),
    /// `Force=`.
    Force(bool),
    /// `ServerSideApply=`; always so here.
    ServerSideApply(bool),
    /// `ClientSideApplyMigration=`.
    ClientSideApplyMigration(bool),
    /// `FailOnSharedResource=`; always so here.
    FailOnSharedResource(bool),
    /// `RespectIgnoreDifferences=`; always so here.
    RespectIgnoreDifferences(bool),
    /// `CreateNamespace=`.
    CreateNamespace(bool),
}

/// Whether something may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consent {
    /// It may.
    Yes,
    /// It may not.
    No,
    /// Somebody has to agree first.
    Confirm,
}

/// What becomes of the dependants of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Propagation {
    /// They go first.
    Foreground,
    /// They go afterwards.
    Background,
    /// They stay.
    Orphan,
}

/// How often an apply that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often; negative is without end.
    pub limit: i64,
    /// The first wait.
    pub duration: Duration,
    /// What each wait is multiplied by.
    pub factor: i64,
    /// The longest wait.
    pub max_duration: Duration,
}

impl Default for Retry {
    /// Argo CD's defaults: five times, 5 s, doubling, at most three minutes.
    fn default() -> Self {
        Self {
            limit: 5,
            duration: Duration::from_secs(5),
            factor: 2,
            max_duration: Duration::from_secs(180),
        }
    }
}

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl SyncOption {
    /// Every name, with the values it takes.
    const NAMES: &'static [&'static str] = &[
        "Validate",
        "SkipDryRunOnMissingResource",
        "Prune",
        "Delete",
        "ApplyOutOfSyncOnly",
        "PrunePropagationPolicy",
        "PruneLast",
        "Replace",
        "Force",
        "ServerSideApply",
        "ClientSideApplyMigration",
        "FailOnSharedResource",
        "RespectIgnoreDifferences",
        "CreateNamespace",
    ];

    /// Reads `Name=value`.
    ///
    /// # Errors
    /// What is wrong, and the remedy where one is known.
    pub fn parse(text: &str) -> Result<Self, (String, Option<String>)> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (name, value) = (name.trim(), value.trim());
        let flag = match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err((format!("`{text}`: the value is true or false"), None)),
        };
        Ok(match name {
            "Validate" => Self::Validate(flag?),
            "SkipDryRunOnMissingResource" => Self::SkipDryRunOnMissingResource(flag?),
            "Prune" => Self::Prune(consent(text, value)?),
            "Delete" => Self::Delete(consent(text, value)?),
            "ApplyOutOfSyncOnly" => Self::ApplyOutOfSyncOnly(flag?),
            "PrunePropagationPolicy" => Self::PrunePropagationPolicy(propagation(text, value)?),
            "PruneLast" => Self::PruneLast(flag?),
            "Replace" => Self::Replace(flag?),
            "Force" => Self::Force(flag?),
            "ServerSideApply" => Self::ServerSideApply(flag?),
            "ClientSideApplyMigration" => Self::ClientSideApplyMigration(flag?),
            "FailOnSharedResource" => Self::FailOnSharedResource(flag?),
            "RespectIgnoreDifferences" => Self::RespectIgnoreDifferences(flag?),
            "CreateNamespace" => Self::CreateNamespace(flag?),
            _ => {
                let near = suggest::closest(name, Self::NAMES.iter().copied());
                return Err((
                    format!("unknown sync option `{name}`"),
                    near.map(|name| format!("did you mean `{name}`?")),
                ));
            }
        })
    }
}

type Wrong = (String, Option<String>);

fn consent(text: &str, value: &str) -> Result<Consent, Wrong> {
    match value {
        "true" => Ok(Consent::Yes),
        "false" => Ok(Consent::No),
        "confirm" => Ok(Consent::Confirm),
        _ => Err((
            format!("`{text}`: the value is true, false or confirm"),
            None,
        )),
    }
}

fn propagation(text: &str, value: &str) -> Result<Propagation, Wrong> {
    match value {
        "foreground" => Ok(Propagation::Foreground),
        "background" => Ok(Propagation::Background),
        "orphan" => Ok(Propagation::Orphan),
        _ => Err((
            format!("`{text}`: the value is foreground, background or orphan"),
            None,
        )),
    }
}

/// Reads `syncPolicy`.
pub(crate) fn read(decoder: &mut Decoder, fields: &mut Fields<'_>) -> SyncPolicy {
    let Some(node) = fields.take("syncPolicy") else {
        return SyncPolicy::default();
    };
    let path = fields.path_of("syncPolicy");
    let mut f = decoder.fields(node, &path);
    let policy = SyncPolicy {
        automated: read_automated(decoder, &mut f),
        options: read_options(decoder, &mut f),
        retry: read_retry(decoder, &mut f),
        managed_namespace_metadata: read_metadata(decoder, &mut f),
    };
    decoder.finish(f);
    policy
}

fn read_automated(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<Automated> {
    let node = fields.take("automated")?;
    let path = fields.path_of("automated");
    let mut f = decoder.fields(node, &path);
    let automated = Automated {
        prune: decoder.bool(&mut f, "prune"),
        self_heal: decoder.bool(&mut f, "selfHeal"),
        allow_empty: decoder.bool(&mut f, "allowEmpty"),
    };
    let enabled = decoder.bool_opt(&mut f, "enabled").unwrap_or(true);
    decoder.finish(f);
    enabled.then_some(automated)
}

fn read_options(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<SyncOption> {
    let mut options = Vec::new();
    for (path, node) in decoder.items(fields, "syncOptions") {
        let Some(text) = decoder.text_of(node, &path) else {
            continue;
        };
        if text.is_empty() || decoder.is_template(&text) {
            continue;
        }
        match SyncOption::parse(&text) {
            Ok(option) => options.push(option),
            Err((message, remedy)) => {
                decoder
                    .refuse(Reason::NotSupported, node.span.line, &path, message)
                    .remedy = remedy;
            }
        }
    }
    options
}

fn read_retry(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<Retry> {
    let node = fields.take("retry")?;
    let path = fields.path_of("retry");
    let mut f = decoder.fields(node, &path);
    let mut retry = Retry::default();
    if let Some(limit) = decoder.int_opt(&mut f, "limit") {
        retry.limit = limit;
    }
    decoder.without_effect(
        &mut f,
        "refresh",
        "a new commit always replaces the one being tried",
    );
    if let Some(node) = f.take("backoff") {
        read_backoff(decoder, node, &f.path_of("backoff"), &mut retry);
    }
    decoder.finish(f);
    Some(retry)
}

fn read_backoff(decoder: &mut Decoder, node: &Node, path: &str, retry: &mut Retry) {
    let mut f = decoder.fields(node, path);
    if let Some(value) = read_duration(decoder, &mut f, "duration") {
        retry.duration = value;
    }
    if let Some(value) = read_duration(decoder, &mut f, "maxDuration") {
        retry.max_duration = value;
    }
    if let Some(factor) = decoder.int_opt(&mut f, "factor") {
        retry.factor = factor;
    }
    decoder.finish(f);
}

/// A duration; a bare number is seconds, as in Argo CD.
fn read_duration(
    decoder: &mut Decoder,
    fields: &mut Fields<'_>,
    name: &'static str,
) -> Option<Duration> {
    let node = fields.take(name)?;
    let path = fields.path_of(name);
    let text = match node.as_int() {
        Some(seconds) => seconds.to_string(),
        None => decoder.text_of(node, &path)?,
    };
    if text.is_empty() || decoder.is_template(&text) {
        return None;
    }
    let bare = text.bytes().all(|b| b.is_ascii_digit());
    let parsed = duration::parse(&if bare { format!("{text}s") } else { text });
    match parsed {
        Ok(value) => Some(value),
        Err(error) => {
            decoder.wrong(node.span.line, &path, error.to_string());
            None
        }
    }
}

fn read_metadata(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<NamespaceMetadata> {
    let node = fields.take("managedNamespaceMetadata")?;
    let path = fields.path_of("managedNamespaceMetadata");
    let mut f = decoder.fields(node, &path);
    let metadata = NamespaceMetadata {
        labels: decoder.text_map(&mut f, "labels"),
        annotations: decoder.text_map(&mut f, "annotations"),
    };
    decoder.finish(f);
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_options_read_and_unknown_ones_are_refused() {
        assert_eq!(
            SyncOption::parse("Prune=confirm"),
            Ok(SyncOption::Prune(Consent::Confirm))
        );
        assert_eq!(
            SyncOption::parse("PrunePropagationPolicy=foreground"),
            Ok(SyncOption::PrunePropagationPolicy(Propagation::Foreground))
        );
        let (message, remedy) = SyncOption::parse("CreateNamespaces=true").expect_err("unknown");
        assert!(message.contains("unknown sync option"));
        assert_eq!(remedy.as_deref(), Some("did you mean `CreateNamespace`?"));
        assert!(SyncOption::parse("Replace=yes").is_err());
    }
}
