//! A source's options in the renderer's words.

use std::collections::BTreeMap;

use muster_fleet::application::Application;
use muster_fleet::source::{DirectoryOptions, KustomizeOptions, KustomizePatch, Source};
use muster_kustomize::{Directory, KustomizeSource, LabelScope, Recurse, SourceOptions};
use muster_model::{Map, Node, Problem, Reason, Revision};

/// How a source is rendered; `$ARGOCD_APP_…` is replaced where Argo CD does so.
///
/// # Errors
/// [`Reason::NotSupported`] for options that kustomize refuses together.
pub(crate) fn source_options(source: &Source, env: &Environment) -> Result<SourceOptions, Problem> {
    let kustomize = if source.kustomize.is_empty() {
        None
    } else {
        Some(kustomize(&source.kustomize, env)?)
    };
    Ok(SourceOptions {
        directory: source.directory.as_ref().map(directory),
        kustomize,
    })
}

/// What a source may refer to as `$ARGOCD_APP_…`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// The variables that Argo CD sets for an Application's source at a commit.
    pub(crate) fn of(app: &Application, source: &Source, revision: &Revision) -> Self {
        let commit = revision.commit_id.as_str();
        let short = |length: usize| commit.get(..length).unwrap_or(commit).to_owned();
        Self(BTreeMap::from([
            ("ARGOCD_APP_NAME", app.key.name.clone()),
            ("ARGOCD_APP_NAMESPACE", app.destination.namespace.clone()),
            ("ARGOCD_APP_PROJECT_NAME", app.key.project.clone()),
            ("ARGOCD_APP_REVISION", commit.to_owned()),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_REPO_URL", source.repo_url.clone()),
            ("ARGOCD_APP_SOURCE_PATH", source.path.as_str().to_owned()),
            (
                "ARGOCD_APP_SOURCE_TARGET_REVISION",
                source.target_revision.clone(),
            ),
        ]))
    }

    /// Replaces `$NAME` and `${NAME}` as Go's `os.Expand` does; an unknown name becomes nothing, `$$` a dollar.
    fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let (name, end) = variable(after);
            match name {
                "$" => out.push('$'),
                "" if end == 0 => out.push('$'),
                name => out.push_str(self.0.get(name).map_or("", String::as_str)),
            }
            rest = after.get(end..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }
}

/// The name of the variable that follows a dollar, and how many bytes it takes.
fn variable(text: &str) -> (&str, usize) {
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.split_once('}') {
            Some((name, _)) => (name, name.len() + 2),
            None => ("", text.len()),
        };
    }
    if text.starts_with(['$', '*', '#', '@', '!', '?', '-'])
        || text.starts_with(|c: char| c.is_ascii_digit())
    {
        return (text.get(..1).unwrap_or_default(), 1);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), end)
}

fn directory(options: &DirectoryOptions) -> Directory {
    Directory {
        recurse: if options.recurse {
            Recurse::Yes
        } else {
            Recurse::No
        },
        include: options.include.clone(),
        exclude: options.exclude.clone(),
        any_extension: options.disable_extension_filter,
    }
}

fn kustomize(options: &KustomizeOptions, env: &Environment) -> Result<KustomizeSource, Problem> {
    let expanded = |entries: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let entry = |(key, value): (&String, &String)| (key.clone(), env.expand(value));
        entries.iter().map(entry).collect()
    };
    let label_scope = match (
        options.label_without_selector,
        options.label_include_templates,
    ) {
        (false, false) => LabelScope::WithSelectors,
        (true, false) => LabelScope::MetadataOnly,
        (true, true) => LabelScope::MetadataAndTemplates,
        (false, true) => return Err(without_selector()),
    };
    Ok(KustomizeSource {
        name_prefix: options.name_prefix.clone(),
        name_suffix: options.name_suffix.clone(),
        namespace: options.namespace.clone(),
        images: options.images.iter().map(|i| env.expand(i)).collect(),
        replicas: options.replicas.iter().cloned().collect(),
        common_labels: expanded(&options.common_labels),
        label_scope,
        common_annotations: if options.common_annotations_envsubst {
            expanded(&options.common_annotations)
        } else {
            options.common_annotations.clone()
        },
        patches: options.patches.iter().map(patch).collect(),
        components: options.components.clone(),
        ignore_missing_components: options.ignore_missing_components,
        force_labels: options.force_common_labels,
        force_annotations: options.force_common_annotations,
    })
}

fn patch(patch: &KustomizePatch) -> Node {
    let mut map = Map::new();
    for (key, text) in [("path", &patch.path), ("patch", &patch.patch)] {
        if !text.is_empty() {
            map.insert(key, Node::string(text.as_str()));
        }
    }
    if let Some(target) = &patch.target {
        map.insert("target", target.clone());
    }
    if !patch.options.is_empty() {
        map.insert(
            "options",
            Node::map(
                patch
                    .options
                    .iter()
                    .map(|(key, value)| (key.as_str(), Node::bool(*value)))
                    .collect(),
            ),
        );
    }
    Node::map(map)
}

/// What kustomize says of the same two flags.
fn without_selector() -> Problem {
    Problem::new(
        Reason::InvalidField,
        "labelIncludeTemplates works only together with labelWithoutSelector",
    )
    .field("spec.source.kustomize.labelIncludeTemplates")
    .remedy("set labelWithoutSelector: true as well")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_go_does() {
        let env = Environment(BTreeMap::from([("ARGOCD_APP_NAME", "shop".to_owned())]));
        for (text, expected) in [
            ("$ARGOCD_APP_NAME-x", "shop-x"),
            ("a-${ARGOCD_APP_NAME}b", "a-shopb"),
            ("$ARGOCD_APP_NAMED", ""),
            ("$$ARGOCD_APP_NAME", "$ARGOCD_APP_NAME"),
            ("5$", "5$"),
            ("plain", "plain"),
        ] {
            assert_eq!(env.expand(text), expected, "{text}");
        }
    }
}
