//! `spec.source.kustomize` of an Application: applied as if it were edited into the kustomization.

use std::collections::BTreeMap;

use muster_model::{Node, Problem, Reason};

use crate::failure::{Step, failed};
use crate::kustomization::{Image, Kustomization, Label, Patch, Replica};
use crate::record::{Place, Unknown};

/// Whether `commonLabels` also go into selectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelScope {
    /// Into metadata, templates and selectors.
    #[default]
    WithSelectors,
    /// Only into metadata.
    MetadataOnly,
    /// Into metadata and templates.
    MetadataAndTemplates,
}

/// `spec.source.kustomize` of an Application.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KustomizeSource {
    /// Takes the place of the kustomization's `namePrefix`.
    pub name_prefix: String,
    /// Takes the place of the kustomization's `nameSuffix`.
    pub name_suffix: String,
    /// Takes the place of the kustomization's `namespace`.
    pub namespace: String,
    /// `old=new:tag`, `name:tag` or `name@digest`, laid over the kustomization's images.
    pub images: Vec<String>,
    /// Replica counts by workload name, laid over the kustomization's.
    pub replicas: BTreeMap<String, i64>,
    /// Labels, laid over the kustomization's `commonLabels`.
    pub common_labels: BTreeMap<String, String>,
    /// Where the labels go.
    pub label_scope: LabelScope,
    /// Annotations, laid over the kustomization's `commonAnnotations`.
    pub common_annotations: BTreeMap<String, String>,
    /// Entries as in a kustomization's `patches`, added behind its own.
    pub patches: Vec<Node>,
    /// Directories of components, added behind the kustomization's own.
    pub components: Vec<String>,
    /// Leaves out components that are not there.
    pub ignore_missing_components: bool,
    /// Labels take the place of the kustomization's of the same key; otherwise one is an error.
    pub force_labels: bool,
    /// The same for annotations.
    pub force_annotations: bool,
}

impl KustomizeSource {
    /// Edits the kustomization.
    pub(crate) fn apply(&self, k: &mut Kustomization) -> Step<()> {
        for (from, to) in [
            (&self.name_prefix, &mut k.name_prefix),
            (&self.name_suffix, &mut k.name_suffix),
            (&self.namespace, &mut k.namespace),
        ] {
            if !from.is_empty() {
                to.clone_from(from);
            }
        }
        self.add_images(k)?;
        for (name, count) in &self.replicas {
            match k.replicas.iter_mut().find(|r| r.name == *name) {
                Some(replica) => replica.count = *count,
                None => k.replicas.push(Replica {
                    name: name.clone(),
                    count: *count,
                }),
            }
        }
        self.add_labels(k)?;
        write(
            &mut k.common_annotations,
            &self.common_annotations,
            self.force_annotations,
            "commonAnnotations",
        )?;
        for (index, patch) in self.patches.iter().enumerate() {
            let place = Place::file("Application")
                .field("spec.source.kustomize.patches")
                .index(index);
            k.patches
                .push(Patch::read_with(patch, place, Unknown::Refuse)?);
        }
        for component in &self.components {
            if !k.components.iter().any(|(own, _)| own == component) {
                k.components.push((component.clone(), 0));
            }
        }
        Ok(())
    }

    /// As `kustomize edit add label` does.
    fn add_labels(&self, k: &mut Kustomization) -> Step<()> {
        if self.common_labels.is_empty() {
            return Ok(());
        }
        let (labels, force) = (&self.common_labels, self.force_labels);
        let include_templates = match self.label_scope {
            LabelScope::WithSelectors => {
                return write(&mut k.common_labels, labels, force, "commonLabels");
            }
            LabelScope::MetadataOnly => false,
            LabelScope::MetadataAndTemplates => true,
        };
        let same =
            |l: &&mut Label| !l.include_selectors && l.include_templates == include_templates;
        match k.labels.iter_mut().find(same) {
            Some(label) => write(&mut label.pairs, labels, force, "commonLabels"),
            None => {
                k.labels.push(Label {
                    pairs: labels.clone(),
                    include_templates,
                    ..Label::default()
                });
                Ok(())
            }
        }
    }

    fn add_images(&self, k: &mut Kustomization) -> Step<()> {
        if self.images.is_empty() {
            return Ok(());
        }
        let mut all: BTreeMap<String, Image> = BTreeMap::new();
        for text in &self.images {
            let image = parse(text)?;
            all.insert(image.name.clone(), image);
        }
        for old in std::mem::take(&mut k.images) {
            match all.get_mut(&old.name) {
                None => drop(all.insert(old.name.clone(), old)),
                Some(new) => {
                    keep(&mut new.new_name, &old.new_name);
                    keep(&mut new.new_tag, &old.new_tag);
                    keep(&mut new.digest, &old.digest);
                }
            }
        }
        k.images = all.into_values().collect();
        for image in &mut k.images {
            for part in [&mut image.new_name, &mut image.new_tag, &mut image.digest] {
                keep(part, "");
            }
        }
        Ok(())
    }
}

/// Adds entries; one that is there already is an error, unless it is forced.
fn write(
    into: &mut BTreeMap<String, String>,
    entries: &BTreeMap<String, String>,
    force: bool,
    field: &str,
) -> Step<()> {
    if let Some(key) = entries.keys().find(|key| into.contains_key(*key))
        && !force
    {
        let force = field.replace("common", "forceCommon");
        let mut problem = failed(format!("`{key}` is in the kustomization already"))
            .field(format!("spec.source.kustomize.{field}"));
        problem.reason = Reason::InvalidField;
        return Err(problem
            .remedy(format!("remove one of the two, or set {force}: true"))
            .into());
    }
    into.extend(entries.clone());
    Ok(())
}

/// An asterisk keeps what was there.
fn keep(part: &mut String, old: &str) {
    if part == "*" {
        old.clone_into(part);
    }
}

fn parse(text: &str) -> Result<Image, Problem> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, value),
        None => ("", text),
    };
    let (name, tag, digest) = crate::transform::images::split(value);
    if name == text || (name.is_empty() && key.is_empty()) {
        let mut problem =
            failed(format!("{text:?} is no image override")).field("spec.source.kustomize.images");
        problem.reason = Reason::InvalidField;
        return Err(problem.remedy("write name=new-name:tag, name:tag or name@digest"));
    }
    let (name, new_name) = if key.is_empty() {
        (name, "")
    } else {
        (key, name)
    };
    Ok(Image {
        name: name.to_owned(),
        new_name: new_name.to_owned(),
        new_tag: tag.to_owned(),
        digest: digest.to_owned(),
        tag_suffix: String::new(),
    })
}
