//! Argo CD's annotations on single objects: sync options, waves, hooks.

use std::collections::BTreeMap;

use muster_model::{Manifest, Problem, Reason};
use serde::{Deserialize, Serialize};

/// Comma-separated options of one object.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// The object's wave, an integer.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Hooks, which muster does not run.
const HOOKS: &[&str] = &["argocd.argoproj.io/hook", "helm.sh/hook"];

/// Options that an object may have, and whether `confirm` is one of their values.
const OBJECT_OPTIONS: &[(&str, bool)] = &[
    ("ClientSideApplyMigration", false),
    ("Delete", true),
    ("Force", false),
    ("Prune", true),
    ("PruneLast", false),
    ("Replace", false),
    ("ServerSideApply", false),
    ("SkipDryRunOnMissingResource", false),
    ("Validate", false),
];
/// Options that only an Application may have; Argo CD passes over them on an object.
const APPLICATION_OPTIONS: &[&str] = &[
    "ApplyOutOfSyncOnly",
    "CreateNamespace",
    "FailOnSharedResource",
    "PrunePropagationPolicy",
    "RespectIgnoreDifferences",
];

/// What a `key=value` option with three answers says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Permission {
    /// Nothing is said: allowed.
    #[default]
    Allowed,
    /// `=confirm`: an approval is needed.
    Confirm,
    /// `=false`: never.
    Never,
}

/// How one object is to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObjectOptions {
    /// `Prune=`: what happens once the object has left Git.
    pub prune: Permission,
    /// `Delete=`: what happens to the object when its Application is deleted.
    pub delete: Permission,
    /// `Replace=true` or `Force=true`: may be recreated when an immutable field changes.
    pub recreate: bool,
    /// `PruneLast=true`: is deleted after every wave.
    pub prune_last: bool,
    /// `SkipDryRunOnMissingResource=true`: accepted; a missing kind is always waited for.
    pub skip_dry_run: bool,
    /// The wave.
    pub wave: i32,
}

impl ObjectOptions {
    /// Reads the text of the annotation of a live object: what cannot be read says nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let options: BTreeMap<&str, &str> = text
            .split(',')
            .filter_map(|option| option.trim().split_once('='))
            .collect();
        let is = |key| options.get(key) == Some(&"true");
        let permission = |key| match options.get(key) {
            Some(&"false") => Permission::Never,
            Some(&"confirm") => Permission::Confirm,
            _ => Permission::Allowed,
        };
        Self {
            prune: permission("Prune"),
            delete: permission("Delete"),
            recreate: is("Replace") || is("Force"),
            prune_last: is("PruneLast"),
            skip_dry_run: is("SkipDryRunOnMissingResource"),
            wave: 0,
        }
    }

    /// Reads a manifest's annotations.
    ///
    /// # Errors
    /// [`Reason::NotSupported`] for hooks and options that an object cannot have, [`Reason::InvalidField`] for a value
    /// that an option does not take and for a wave that is not a number.
    pub fn of(manifest: &Manifest) -> Result<Self, Problem> {
        if let Some(hook) = HOOKS.iter().find(|key| manifest.annotation(key).is_some()) {
            return Err(
                Problem::new(Reason::NotSupported, format!("{} is a hook", manifest.id()))
                    .field(format!("metadata.annotations[{hook}]"))
                    .remedy("deliver it as an ordinary Job with a sync wave, or run it in CI"),
            );
        }
        let options = manifest.annotation(SYNC_OPTIONS).unwrap_or_default();
        if let Some((reason, what, remedy)) = wrong_option(options) {
            return Err(Problem::new(reason, format!("{}: {what}", manifest.id()))
                .field(format!("metadata.annotations[{SYNC_OPTIONS}]"))
                .remedy(remedy));
        }
        let wave = match manifest.annotation(SYNC_WAVE) {
            None => 0,
            Some(text) => text.parse().map_err(|_| {
                Problem::new(
                    Reason::InvalidField,
                    format!("the sync wave of {} is not a whole number", manifest.id()),
                )
                .field(format!("metadata.annotations[{SYNC_WAVE}]"))
            })?,
        };
        Ok(Self {
            wave,
            ..Self::parse(options)
        })
    }
}

/// The first option that is not one. `Prune=flase` must not permit what it was meant to forbid.
fn wrong_option(text: &str) -> Option<(Reason, String, String)> {
    let options = text.split(',').map(str::trim).filter(|o| !o.is_empty());
    options.into_iter().find_map(|option| {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        if APPLICATION_OPTIONS.contains(&name) {
            let what = format!("`{name}` is an option of an Application, not of an object");
            let remedy = "set it in spec.syncPolicy.syncOptions of the Application".to_owned();
            return Some((Reason::NotSupported, what, remedy));
        }
        let Some((_, confirm)) = OBJECT_OPTIONS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = OBJECT_OPTIONS.iter().map(|(known, _)| *known).collect();
            let what = format!("unknown sync option `{name}`");
            return Some((
                Reason::NotSupported,
                what,
                format!("one of {}", known.join(", ")),
            ));
        };
        let taken = matches!(value, "true" | "false") || (*confirm && value == "confirm");
        let values = if *confirm {
            "true, false or confirm"
        } else {
            "true or false"
        };
        (!taken).then(|| {
            let what = format!("`{option}` is not understood");
            (Reason::InvalidField, what, format!("the value is {values}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::json;

    fn of(annotations: &str) -> Result<ObjectOptions, Reason> {
        let text = format!(
            r#"{{"apiVersion":"batch/v1","kind":"Job","metadata":{{"name":"a","annotations":{annotations}}}}}"#
        );
        let node = json::from_slice(text.as_bytes()).expect("valid JSON");
        let manifest = Manifest::new(node).expect("an object");
        ObjectOptions::of(&manifest).map_err(|problem| problem.reason)
    }

    #[test]
    fn options_are_read_with_spaces_between_them() {
        let read = of(
            r#"{"argocd.argoproj.io/sync-options":"Prune=confirm, Force=true,Delete=false","argocd.argoproj.io/sync-wave":"-3"}"#,
        );
        let options = read.expect("valid options");
        assert_eq!(options.prune, Permission::Confirm);
        assert_eq!(options.delete, Permission::Never);
        assert_eq!((options.recreate, options.wave), (true, -3));
    }

    #[test]
    fn an_option_that_is_none_is_refused_by_name() {
        let refused = |text: &str| {
            of(&format!(
                r#"{{"argocd.argoproj.io/sync-options":"{text}"}}"#
            ))
            .err()
        };
        assert_eq!(refused("Prune=flase"), Some(Reason::InvalidField));
        assert_eq!(refused("Force=confirm"), Some(Reason::InvalidField));
        assert_eq!(refused("Prune"), Some(Reason::InvalidField));
        assert_eq!(refused("Purne=false"), Some(Reason::NotSupported));
        assert_eq!(
            refused("Prune=false,CreateNamespace=true"),
            Some(Reason::NotSupported)
        );
        assert_eq!(refused(" Delete=confirm , Validate=false,"), None);
        // On a live object it says nothing, and forbids nothing by accident.
        assert_eq!(
            ObjectOptions::parse("Prune=flase").prune,
            Permission::Allowed
        );
    }

    #[test]
    fn hooks_and_waves_that_are_no_numbers_are_refused() {
        assert_eq!(
            of(r#"{"argocd.argoproj.io/hook":"PreSync"}"#),
            Err(Reason::NotSupported)
        );
        assert_eq!(
            of(r#"{"helm.sh/hook":"post-install"}"#),
            Err(Reason::NotSupported)
        );
        assert_eq!(
            of(r#"{"argocd.argoproj.io/sync-wave":"one"}"#),
            Err(Reason::InvalidField)
        );
    }
}
