//! A source's options in the renderer's words.

use muster_fleet::source::{DirectoryOptions, KustomizeOptions, KustomizePatch, Source};
use muster_kustomize::{Directory, KustomizeSource, LabelScope, Recurse, SourceOptions};
use muster_model::{Map, Node, Problem, Reason};

/// How a source is rendered.
///
/// # Errors
/// [`Reason::NotSupported`] for options that the renderer does not have.
pub(crate) fn source_options(source: &Source) -> Result<SourceOptions, Problem> {
    let kustomize = if source.kustomize.is_empty() {
        None
    } else {
        Some(kustomize(&source.kustomize)?)
    };
    Ok(SourceOptions {
        directory: source.directory.as_ref().map(directory).transpose()?,
        kustomize,
    })
}

fn directory(options: &DirectoryOptions) -> Result<Directory, Problem> {
    if options.disable_extension_filter {
        return Err(unsupported("directory.disableExtensionFilter"));
    }
    Ok(Directory {
        recurse: if options.recurse {
            Recurse::Yes
        } else {
            Recurse::No
        },
        include: options.include.clone(),
        exclude: options.exclude.clone(),
    })
}

fn kustomize(options: &KustomizeOptions) -> Result<KustomizeSource, Problem> {
    let refused = [
        (options.force_common_labels, "kustomize.forceCommonLabels"),
        (
            options.force_common_annotations,
            "kustomize.forceCommonAnnotations",
        ),
        (
            options.common_annotations_envsubst,
            "kustomize.commonAnnotationsEnvsubst",
        ),
        (
            options.ignore_missing_components,
            "kustomize.ignoreMissingComponents",
        ),
    ];
    if let Some((_, field)) = refused.iter().find(|(set, _)| *set) {
        return Err(unsupported(field));
    }
    Ok(KustomizeSource {
        name_prefix: options.name_prefix.clone(),
        name_suffix: options.name_suffix.clone(),
        namespace: options.namespace.clone(),
        images: options.images.clone(),
        replicas: options.replicas.iter().cloned().collect(),
        common_labels: options.common_labels.clone(),
        label_scope: match (
            options.label_without_selector,
            options.label_include_templates,
        ) {
            (false, _) => LabelScope::WithSelectors,
            (true, false) => LabelScope::MetadataOnly,
            (true, true) => LabelScope::MetadataAndTemplates,
        },
        common_annotations: options.common_annotations.clone(),
        patches: options.patches.iter().map(patch).collect(),
        components: options.components.clone(),
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

fn unsupported(field: &str) -> Problem {
    Problem::new(
        Reason::NotSupported,
        format!("spec.source.{field} is not supported"),
    )
    .field(format!("spec.source.{field}"))
    .remedy("write it into the kustomization in the repository")
}
