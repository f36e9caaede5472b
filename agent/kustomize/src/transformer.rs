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
use crate::session::Session;
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
                patches::apply(map, &mut session.schemas, change, target.as_ref(), history)
            }
            Self::LegacyPatches(all) => all
                .iter()
                .try_for_each(|patch| patches::apply_legacy(map, &mut session.schemas, patch)),
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

/// A step with the name of its built-in transformer.
type Named = (&'static str, Transformer);

/// The steps of a kustomization's own fields, in kustomize's order.
pub(crate) fn of_fields(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    k: &Kustomization,
    config: &Config,
) -> Step<Vec<Named>> {
    let mut all = Vec::new();
    if !k.patches_strategic_merge.is_empty() {
        let patches = legacy_patches(session, root, file, k)?;
        all.push((
            "PatchStrategicMergeTransformer",
            Transformer::LegacyPatches(patches),
        ));
    }
    for patch in &k.patches {
        all.push(("PatchTransformer", read_patch(session, root, file, patch)?));
    }
    all.extend(of_names(k, config));
    all.extend(of_labels(k, config)?);
    for patch in &k.patches_json6902 {
        all.push((
            "PatchJson6902Transformer",
            read_json_patch(session, root, file, patch)?,
        ));
    }
    for replica in &k.replicas {
        all.push((
            "ReplicaCountTransformer",
            Transformer::Replicas(replica.clone(), config.replicas.clone()),
        ));
    }
    for image in &k.images {
        all.push((
            "ImageTagTransformer",
            Transformer::Image(image.clone(), config.images.clone()),
        ));
    }
    if !k.replacements.is_empty() {
        let mut loaded = Vec::new();
        for field in &k.replacements {
            let at = || muster_model::Location::line(file, field.line());
            loaded.extend(field.load(session, root).map_err(|stop| stop.or_at(at))?);
        }
        all.push(("ReplacementTransformer", Transformer::Replacements(loaded)));
    }
    Ok(all)
}

fn of_names(k: &Kustomization, config: &Config) -> Vec<Named> {
    let mut all = Vec::new();
    if !k.namespace.is_empty() {
        let namespace = Namespace {
            name: k.namespace.clone(),
            fields: config.namespace.clone(),
            ..Namespace::default()
        };
        all.push(("NamespaceTransformer", Transformer::Namespace(namespace)));
    }
    if !k.name_prefix.is_empty() {
        let step = Transformer::Affix(
            Affix::Prefix,
            k.name_prefix.clone(),
            config.name_prefix.clone(),
        );
        all.push(("PrefixTransformer", step));
    }
    if !k.name_suffix.is_empty() {
        let step = Transformer::Affix(
            Affix::Suffix,
            k.name_suffix.clone(),
            config.name_suffix.clone(),
        );
        all.push(("SuffixTransformer", step));
    }
    all
}

fn of_labels(k: &Kustomization, config: &Config) -> Step<Vec<Named>> {
    let mut all = Vec::new();
    for label in &k.labels {
        all.push((
            "LabelTransformer",
            Transformer::Entries(label.pairs.clone(), labels::fields_of(label, config)?),
        ));
    }
    if !k.labels.is_empty() || !k.common_labels.is_empty() {
        all.push((
            "LabelTransformer",
            Transformer::Entries(k.common_labels.clone(), config.common_labels.clone()),
        ));
    }
    if !k.common_annotations.is_empty() {
        let step = Transformer::Entries(
            k.common_annotations.clone(),
            config.common_annotations.clone(),
        );
        all.push(("AnnotationsTransformer", step));
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
            read_legacy_patch(session, root, file, text)
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
    text: &str,
) -> Step<Vec<Resource>> {
    let inline = session
        .parse(text.as_bytes(), file)
        .and_then(|documents| crate::parse::resources(documents, file));
    if let Ok(patches) = inline {
        return Ok(patches);
    }
    if text.contains('\n') {
        return inline;
    }
    let path = session.resolve_file(root, text)?;
    let documents = session.documents(&path)?;
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
        .and_then(|(text, file)| patches::read(session, &text, &file))
        .map_err(|stop| stop.or_at(at).via(at()))?;
    if let Change::Strategic(objects) = &mut change {
        for object in objects {
            object.allow_name_change |= patch.allow_name_change;
            object.allow_kind_change |= patch.allow_kind_change;
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
        .and_then(|(text, file)| patches::read_operations(session, &text, &file))
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

/// The text of a patch and the file it stands in.
fn patch_text(
    session: &mut Session<'_>,
    root: &RepoPath,
    file: &str,
    patch: &Patch,
) -> Step<(String, String)> {
    let inline = patch.patch.trim();
    match (inline.is_empty(), patch.path.is_empty()) {
        (true, true) => Err(failed("must specify one of patch and path").into()),
        (false, false) => Err(failed("patch and path can't be set at the same time").into()),
        (false, true) => Ok((inline.to_owned(), file.to_owned())),
        (true, false) => {
            let path = session.resolve_file(root, &patch.path)?;
            let (_, bytes) = session.read(&path)?;
            let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
                muster_model::Problem::new(Reason::InvalidYaml, "the patch is not UTF-8")
                    .at(muster_model::Location::file(path.to_string()))
            })?;
            Ok((text, path.to_string()))
        }
    }
}
