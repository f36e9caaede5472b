//! Where an Application's objects come from.

use std::collections::BTreeMap;

use muster_model::{Node, Reason, RepoPath};

use crate::decode::{Decoder, Fields, child};
use crate::git_url;

/// One source of an Application.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source {
    /// The repository, as the file writes it.
    pub repo_url: String,
    /// A branch, tag or commit; empty means the repository's HEAD.
    pub target_revision: String,
    /// The directory; empty is the root.
    pub path: RepoPath,
    /// How plain manifests are found; `None` lets the directory decide between kustomize and plain manifests.
    pub directory: Option<DirectoryOptions>,
    /// What is added to the directory's kustomization.
    pub kustomize: KustomizeOptions,
    /// A name for other sources to refer to; such a source without a path renders nothing.
    pub r#ref: Option<String>,
    /// A name for people.
    pub name: String,
}

/// How plain manifests are found in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryOptions {
    /// Look into directories below.
    pub recurse: bool,
    /// A glob of files to leave out.
    pub exclude: String,
    /// A glob of files to take; empty takes all.
    pub include: String,
    /// Take files whatever their extension.
    pub disable_extension_filter: bool,
}

/// What an Application adds to a kustomization.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KustomizeOptions {
    /// Put before names.
    pub name_prefix: String,
    /// Put after names.
    pub name_suffix: String,
    /// Images to change (`name=new:tag`).
    pub images: Vec<String>,
    /// Labels for every object.
    pub common_labels: BTreeMap<String, String>,
    /// Annotations for every object.
    pub common_annotations: BTreeMap<String, String>,
    /// Change labels that are there already.
    pub force_common_labels: bool,
    /// Change annotations that are there already.
    pub force_common_annotations: bool,
    /// Replace `$ARGOCD_APP_…` in annotations.
    pub common_annotations_envsubst: bool,
    /// Labels leave selectors alone.
    pub label_without_selector: bool,
    /// Labels go into templates too.
    pub label_include_templates: bool,
    /// The namespace of every object.
    pub namespace: String,
    /// Replica counts by name.
    pub replicas: Vec<(String, i64)>,
    /// Patches, as a kustomization has them.
    pub patches: Vec<KustomizePatch>,
    /// Components, as paths.
    pub components: Vec<String>,
    /// Leave out components that are not there.
    pub ignore_missing_components: bool,
}

/// One patch of [`KustomizeOptions`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KustomizePatch {
    /// A file of the source.
    pub path: String,
    /// The patch itself.
    pub patch: String,
    /// Which objects, as a kustomization writes it.
    pub target: Option<Node>,
    /// Options, as a kustomization writes them.
    pub options: BTreeMap<String, bool>,
}

impl Source {
    /// True when other sources only refer to it: it renders nothing.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.r#ref.is_some() && self.path.is_root()
    }
}

impl KustomizeOptions {
    /// True when nothing is added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads `source` and `sources`.
pub(crate) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Source> {
    let single_path = fields.path_of("source");
    let single = fields
        .take("source")
        .map(|node| read(decoder, node, &single_path));
    let several: Vec<Source> = decoder
        .items(fields, "sources")
        .into_iter()
        .map(|(path, node)| read(decoder, node, &path))
        .collect();
    if !several.is_empty() {
        return several;
    }
    if single.is_none() {
        let line = fields.line();
        decoder.refuse(
            Reason::MissingField,
            line,
            &single_path,
            "neither `source` nor `sources` is there",
        );
    }
    single.into_iter().collect()
}

/// Reads one source.
pub(crate) fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Source {
    let mut fields = decoder.fields(node, path);
    refuse(decoder, &mut fields);
    let repo_url = decoder.text_required(&mut fields, "repoURL");
    if !repo_url.is_empty()
        && !decoder.is_template(&repo_url)
        && let Some(why) = git_url::error(&repo_url)
    {
        let at = child(path, "repoURL");
        decoder.refuse(Reason::InvalidUrl, node.span.line, &at, why);
    }
    let has_path = fields.take("path").is_some();
    let source = Source {
        repo_url,
        target_revision: read_revision(decoder, &mut fields),
        path: read_path(decoder, &mut fields),
        directory: read_directory(decoder, &mut fields),
        kustomize: read_kustomize(decoder, &mut fields),
        r#ref: decoder.text_opt(&mut fields, "ref"),
        name: decoder.text(&mut fields, "name"),
    };
    if !has_path && source.r#ref.is_none() && !fields.has("chart") {
        let (line, at) = (fields.line(), fields.path_of("path"));
        let problem = decoder.refuse(Reason::MissingField, line, &at, "`path` is missing");
        problem.remedy = Some("name the directory; `.` is the root".to_owned());
    }
    decoder.finish(fields);
    source
}

fn refuse(decoder: &mut Decoder, fields: &mut Fields<'_>) {
    const HELM: &str = "render the chart in CI (`helm template`) and commit the result";
    decoder.unsupported(fields, "chart", Reason::HelmNotSupported, HELM);
    decoder.unsupported(fields, "helm", Reason::HelmNotSupported, HELM);
    decoder.unsupported(
        fields,
        "plugin",
        Reason::PluginNotAllowed,
        "run the plugin in CI and commit its output",
    );
    decoder.unsupported(
        fields,
        "tagPrefix",
        Reason::NotSupported,
        "name the tag itself in targetRevision",
    );
}

/// A branch, tag or commit. A range of versions is refused: which tag it means depends on the day.
fn read_revision(decoder: &mut Decoder, fields: &mut Fields<'_>) -> String {
    let revision = decoder.text(fields, "targetRevision");
    // No ref may hold these characters (git check-ref-format), so this is a constraint.
    let range = revision.contains(['*', '^', '~', '?', '[', ' ', '|'])
        || revision.starts_with(['>', '<', '=', '!']);
    if range && !decoder.is_template(&revision) {
        let path = fields.path_of("targetRevision");
        let line = fields.line_of("targetRevision");
        let problem = decoder.refuse(
            Reason::NotSupported,
            line,
            &path,
            format!("`{revision}` is a range of versions, not a ref"),
        );
        problem.remedy =
            Some("name the tag; let a bot propose the next one by a commit".to_owned());
    }
    revision
}

fn read_path(decoder: &mut Decoder, fields: &mut Fields<'_>) -> RepoPath {
    let text = decoder.text(fields, "path");
    if decoder.is_template(&text) {
        return RepoPath::root();
    }
    RepoPath::new(&text).unwrap_or_else(|error| {
        let path = fields.path_of("path");
        let line = fields.line_of("path");
        decoder.refuse(Reason::PathEscapesRepo, line, &path, error.to_string());
        RepoPath::root()
    })
}

fn read_directory(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<DirectoryOptions> {
    let node = fields.take("directory")?;
    let path = fields.path_of("directory");
    let mut entry = decoder.fields(node, &path);
    let options = DirectoryOptions {
        recurse: decoder.bool(&mut entry, "recurse"),
        exclude: decoder.text(&mut entry, "exclude"),
        include: decoder.text(&mut entry, "include"),
        disable_extension_filter: decoder.bool(&mut entry, "disableExtensionFilter"),
    };
    decoder.unsupported(
        &mut entry,
        "jsonnet",
        Reason::NotSupported,
        "render Jsonnet in CI and commit the result",
    );
    decoder.finish(entry);
    Some(options)
}

fn read_kustomize(decoder: &mut Decoder, fields: &mut Fields<'_>) -> KustomizeOptions {
    let Some(node) = fields.take("kustomize") else {
        return KustomizeOptions::default();
    };
    let path = fields.path_of("kustomize");
    let mut f = decoder.fields(node, &path);
    let options = KustomizeOptions {
        name_prefix: decoder.text(&mut f, "namePrefix"),
        name_suffix: decoder.text(&mut f, "nameSuffix"),
        images: decoder.texts(&mut f, "images"),
        common_labels: decoder.text_map(&mut f, "commonLabels"),
        common_annotations: decoder.text_map(&mut f, "commonAnnotations"),
        force_common_labels: decoder.bool(&mut f, "forceCommonLabels"),
        force_common_annotations: decoder.bool(&mut f, "forceCommonAnnotations"),
        common_annotations_envsubst: decoder.bool(&mut f, "commonAnnotationsEnvsubst"),
        label_without_selector: decoder.bool(&mut f, "labelWithoutSelector"),
        label_include_templates: decoder.bool(&mut f, "labelIncludeTemplates"),
        namespace: decoder.text(&mut f, "namespace"),
        replicas: read_replicas(decoder, &mut f),
        patches: read_patches(decoder, &mut f),
        components: decoder.texts(&mut f, "components"),
        ignore_missing_components: decoder.bool(&mut f, "ignoreMissingComponents"),
    };
    decoder.unsupported(
        &mut f,
        "version",
        Reason::NotSupported,
        "the version of kustomize is that of muster; `muster version` names it",
    );
    for name in ["kubeVersion", "apiVersions"] {
        decoder.without_effect(&mut f, name, "only Helm charts inside kustomize read it");
    }
    decoder.finish(f);
    options
}

fn read_replicas(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<(String, i64)> {
    let mut replicas = Vec::new();
    for (path, node) in decoder.items(fields, "replicas") {
        let mut entry = decoder.fields(node, &path);
        let name = decoder.text_required(&mut entry, "name");
        let count = entry.take("count").and_then(|node| {
            let text = node.as_str();
            let number = node.as_int().or_else(|| text?.parse().ok());
            if number.is_none() && !text.is_some_and(|text| decoder.is_template(text)) {
                decoder.expected(node, &child(&path, "count"), "an integer");
            }
            number
        });
        decoder.finish(entry);
        replicas.push((name, count.unwrap_or_default()));
    }
    replicas
}

fn read_patches(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<KustomizePatch> {
    let mut patches = Vec::new();
    for (path, node) in decoder.items(fields, "patches") {
        let mut entry = decoder.fields(node, &path);
        let mut options = BTreeMap::new();
        if let Some(node) = entry.take("options") {
            for (key, value) in node.as_map().into_iter().flat_map(|map| map.iter()) {
                options.insert(key.to_owned(), value.as_bool().unwrap_or_default());
            }
        }
        let patch = KustomizePatch {
            path: decoder.text(&mut entry, "path"),
            patch: decoder.text(&mut entry, "patch"),
            target: entry.take("target").cloned(),
            options,
        };
        if patch.path.is_empty() && patch.patch.is_empty() {
            decoder.wrong(
                node.span.line,
                &path,
                "the patch has neither `path` nor `patch`",
            );
        }
        decoder.finish(entry);
        patches.push(patch);
    }
    patches
}
