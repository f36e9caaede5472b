//! One step that changes objects, configured by a field of a kustomization or by an object of its own.

use std::collections::BTreeMap;

use muster_model::{Reason, RepoPath};

use crate::config::Config;
use crate::failure::{Step, failed};
use crate::field_spec::FieldSpec;
use crate::kustomization::{Image, Kustomization, Patch, Replica};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::selector::Selector;
use crate::session::{Reading, Session};
use crate::transform::namespace::Namespace;
use crate::transform::patches::{self, Change, History};
use crate::transform::prefix::{self, Affix};
use crate::transform::replacement::{self, Replacement};
use crate::transform::{annotations, hash, images, labels, replicas, value_add};

/// A configured step.
#[derive(Debug)]
pub(crate) enum Transformer {
    /// Labels or annotations.
    Entries(BTreeMap<String, String>, Vec<FieldSpec>),
    /// A name prefix or suffix.
    Affix(Affix, String, Vec<FieldSpec>),
    Hash,
    Image(Image, Vec<FieldSpec>),
    Namespace(Namespace),
    Patch(Change, Option<Selector>, History),
    /// Strategic merge patches of the older kind.
    LegacyPatches(Vec<Resource>),
    Replacements(Vec<Replacement>),
    Replicas(Replica, Vec<FieldSpec>),
    ValueAdd(String, Vec<value_add::Target>),
    /// Several as one.
    Several(Vec<Transformer>),
}

impl Transformer {
    /// Carries the step out.
    pub(crate) fn run(self, session: &mut Session<'_>, map: &mut ResMap) -> Step<()> {
        match self {
            Self::Entries(entries, fields) => annotations::set_entries(map, &entries, &fields),
            Self::Affix(affix, text, fields) => prefix::add(map, affix, &text, &fields),
            Self::Hash => hash::add_to_names(map),
            Self::Image(image, fields) => images::transform(map, &image, &fields),
            Self::Namespace(namespace) => namespace.transform(map),
            Self::Patch(change, target, history) => {
                patches::apply(map, session, change, target.as_ref(), history)
            }
            Self::LegacyPatches(all) if all.is_empty() => Err(failed("the patches are empty")
                .field("patchesStrategicMerge")
                .into()),
            Self::LegacyPatches(all) => all.iter().try_for_each(|patch| {
                patches::apply_legacy(map, &mut session.schemas, patch)?;
                session.note(map, || patch.cause("PatchStrategicMergeTransformer"));
                Ok(())
            }),
            Self::Replacements(all) => replacement::transform(map, &all),
            Self::Replicas(replica, fields) => replicas::transform(map, &replica, &fields),
            Self::ValueAdd(value, targets) => value_add::transform(map, &value, &targets),
            Self::Several(all) => all.into_iter().try_for_each(|t| {
                t.run(session, map)?;
                map.drop_empty();
                Ok(())
            }),
        }
    }
}

/// A step that a field of a kustomization asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The built-in transformer, by kustomize's name.
    pub(crate) name: &'static str,
    pub(crate) step: Transformer,
    /// The line that asks for it.
    pub(crate) line: u32,
}

impl Asked {
    fn new(name: &'static str, line: u32, step: Transformer) -> Self {
        Self { name, step, line }
    }
}

/// The steps of a kustomization's own fields, in kustomize's order.
pub(crate) fn of_fields(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    k: &Kustomization,
    config: &Config,
) -> Step<Vec<Asked>> {
    let mut all = Vec::new();
    if !k.patches_strategic_merge.is_empty() {
        all.push(Asked::new(
            "PatchStrategicMergeTransformer",
            k.line_of("patchesStrategicMerge"),
            Transformer::LegacyPatches(legacy_patches(session, root, file, k)?),
        ));
    }
    for patch in &k.patches {
        let step = read_patch(session, root, file, patch)?;
        all.push(Asked::new("PatchTransformer", patch.line, step));
    }
    all.extend(of_names(k, config));
    all.extend(of_labels(k, config)?);
    for patch in &k.patches_json6902 {
        let step = read_json_patch(session, root, file, patch)?;
        all.push(Asked::new("PatchJson6902Transformer", patch.line, step));
    }
    for replica in &k.replicas {
        all.push(Asked::new(
            "ReplicaCountTransformer",
            k.line_of("replicas"),
            Transformer::Replicas(replica.clone(), config.replicas.clone()),
        ));
    }
    for image in &k.images {
        all.push(Asked::new(
            "ImageTagTransformer",
            k.line_of("images"),
            Transformer::Image(image.clone(), config.images.clone()),
        ));
    }
    if !k.replacements.is_empty() {
        let mut loaded = Vec::new();
        for field in &k.replacements {
            let at = || muster_model::Location::line(file, field.line());
            loaded.extend(field.load(session, root).map_err(|stop| stop.or_at(at))?);
        }
        let line = k.line_of("replacements");
        all.push(Asked::new(
            "ReplacementTransformer",
            line,
            Transformer::Replacements(loaded),
        ));
    }
    Ok(all)
}

fn of_names(k: &Kustomization, config: &Config) -> Vec<Asked> {
    let mut all = Vec::new();
    if !k.namespace.is_empty() {
        let namespace = Namespace {
            name: k.namespace.clone(),
            fields: config.namespace.clone(),
            ..Namespace::default()
        };
        all.push(Asked::new(
            "NamespaceTransformer",
            k.line_of("namespace"),
            Transformer::Namespace(namespace),
        ));
    }
    let mut affix = |name, field: &str, affix, text: &String, fields: &Vec<FieldSpec>| {
        if !text.is_empty() {
            let step = Transformer::Affix(affix, text.clone(), fields.clone());
            all.push(Asked::new(name, k.line_of(field), step));
        }
    };
    affix(
        "PrefixTransformer",
        "namePrefix",
        Affix::Prefix,
        &k.name_prefix,
        &config.name_prefix,
    );
    affix(
        "SuffixTransformer",
        "nameSuffix",
        Affix::Suffix,
        &k.name_suffix,
        &config.name_suffix,
    );
    all
}

fn of_labels(k: &Kustomization, config: &Config) -> Step<Vec<Asked>> {
    let mut all = Vec::new();
    for label in &k.labels {
        let fields = labels::fields_of(label, config)?;
        let step = Transformer::Entries(label.pairs.clone(), fields);
        all.push(Asked::new("LabelTransformer", k.line_of("labels"), step));
    }
    if !k.labels.is_empty() || !k.common_labels.is_empty() {
        let step = Transformer::Entries(k.common_labels.clone(), config.common_labels.clone());
        let line = k.line_of("commonLabels");
        all.push(Asked::new("LabelTransformer", line, step));
    }
    if !k.common_annotations.is_empty() {
        let step = Transformer::Entries(
            k.common_annotations.clone(),
            config.common_annotations.clone(),
        );
        let line = k.line_of("commonAnnotations");
        all.push(Asked::new("AnnotationsTransformer", line, step));
    }
    Ok(all)
}

fn legacy_patches(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    k: &Kustomization,
) -> Step<Vec<Resource>> {
    let mut all = Vec::new();
    for (text, line) in &k.patches_strategic_merge {
        all.extend(
            read_legacy_patch(session, root, file, (text, *line))
                .map_err(|stop| stop.via(muster_model::Location::line(file, *line)))?,
        );
    }
    Ok(all)
}

/// Reads an entry of `patchesStrategicMerge`: the patch itself, or the path of a file of patches.
pub(crate) fn read_legacy_patch(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    (text, line): (&str, u32),
) -> Step<Vec<Resource>> {
    let inline = session
        .parse_inline(text, (file, line), Reading::Resources)
        .and_then(|documents| crate::parse::resources(documents, file));
    if let Ok(patches) = inline {
        return Ok(patches);
    }
    if text.contains('\n') {
        return inline;
    }
    let path = session.resolve_file(root, text)?;
    let documents = session.documents(&path, Reading::Resources)?;
    crate::parse::resources(documents.to_vec(), &path.to_string())
}

/// Reads an entry of `patches`.
pub(crate) fn read_patch(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    patch: &Patch,
) -> Step<Transformer> {
    let at = || muster_model::Location::line(file, patch.line);
    let mut change = patch_text(session, root, file, patch)
        .and_then(|(text, file, line)| patches::read(session, &text, &file, line))
        .map_err(|stop| stop.or_at(at).via(at()))?;
    if let Change::Strategic(objects) = &mut change {
        for object in objects {
            object.allow_name_change |= patch.allow_name_change;
            object.allow_kind_change |= patch.allow_kind_change;
            if object.allow_name_change || object.allow_kind_change {
                object.rewrite_annotations();
            }
        }
    }
    Ok(Transformer::Patch(
        change,
        patch.target.clone(),
        History::Keep,
    ))
}

/// Reads an entry of `patchesJson6902`.
pub(crate) fn read_json_patch(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    patch: &Patch,
) -> Step<Transformer> {
    let at = || muster_model::Location::line(file, patch.line);
    if patch.target.as_ref().is_none_or(|t| t.id.name.is_empty()) {
        let mut problem = failed("must specify the target name")
            .field("patchesJson6902.target.name")
            .at(at());
        problem.reason = Reason::MissingField;
        return Err(problem.into());
    }
    let operations = patch_text(session, root, file, patch)
        .and_then(|(text, file, line)| patches::read_operations(session, &text, &file, line))
        .map_err(|stop| stop.or_at(at).via(at()))?;
    if operations.is_empty() {
        return Err(failed("the patch is empty").at(at()).into());
    }
    Ok(Transformer::Patch(
        Change::Json(operations),
        patch.target.clone(),
        History::Forget,
    ))
}

/// The text of a patch, the file it stands in, and the line of the scalar when it is inline.
fn patch_text(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    patch: &Patch,
) -> Step<(String, String, u32)> {
    let inline = patch.patch.trim();
    match (inline.is_empty(), patch.path.is_empty()) {
        (true, true) => Err(failed("must specify one of patch and path").into()),
        (false, false) => Err(failed("patch and path can't be set at the same time").into()),
        (false, true) => {
            let start = patch.patch.len() - patch.patch.trim_start().len();
            let above = patch.patch[..start].matches('\n').count();
            let line = patch.text_line + u32::try_from(above).unwrap_or(0);
            Ok((inline.to_owned(), file.to_owned(), line))
        }
        (true, false) => {
            let path = session.resolve_file(root, &patch.path)?;
            let (_, bytes) = session.read(&path)?;
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
                muster_model::Problem::new(Reason::InvalidYaml, "the patch is not UTF-8")
                    .at(muster_model::Location::file(path.to_string()))
            })?;
            Ok((text, path.to_string(), 0))
        }
    }
}
