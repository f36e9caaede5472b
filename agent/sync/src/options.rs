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
    /// Reads the text of the sync-options annotation; options of other objects of Argo CD's are ignored by it too.
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
    /// [`Reason::NotSupported`] for hooks, [`Reason::InvalidField`] for a wave that is not a number.
    pub fn of(manifest: &Manifest) -> Result<Self, Problem> {
        if let Some(hook) = HOOKS.iter().find(|key| manifest.annotation(key).is_some()) {
            return Err(
                Problem::new(Reason::NotSupported, format!("{} is a hook", manifest.id()))
                    .field(format!("metadata.annotations[{hook}]"))
                    .remedy("deliver it as an ordinary Job with a sync wave, or run it in CI"),
            );
        }
        let options = manifest.annotation(SYNC_OPTIONS).unwrap_or_default();
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
