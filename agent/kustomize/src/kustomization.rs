//! The kustomization file: every field kustomize 5.8.1 has, unknown ones refused.

use std::collections::BTreeMap;

use muster_model::{Node, Problem, Reason};

use crate::failure::{Step, failed};
use crate::field_spec::FieldSpec;
use crate::record::{Place, Record, Unknown};
use crate::selector::Selector;
use crate::transform::replacement::ReplacementField;
use crate::transform::vars::Var;

/// Names a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// Whether a file is a Kustomization or a Component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// Builds objects of its own.
    #[default]
    Kustomization,
    /// Changes the objects of whoever names it.
    Component,
}

/// A path or inline text with its line.
pub(crate) type Lined = (String, u32);

/// A kustomization file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kustomization {
    pub(crate) role: Role,
    pub(crate) openapi: BTreeMap<String, String>,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) namespace: String,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) patches_strategic_merge: Vec<Lined>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) images: Vec<Image>,
    pub(crate) replacements: Vec<ReplacementField>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) vars: Vec<Var>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) resources: Vec<Lined>,
    pub(crate) components: Vec<Lined>,
    pub(crate) crds: Vec<Lined>,
    pub(crate) config_map_generator: Vec<GeneratorArgs>,
    pub(crate) secret_generator: Vec<GeneratorArgs>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) configurations: Vec<Lined>,
    pub(crate) generators: Vec<Lined>,
    pub(crate) transformers: Vec<Lined>,
    pub(crate) validators: Vec<Lined>,
    pub(crate) build_metadata: Vec<String>,
    /// The lines the fields are written in.
    pub(crate) lines: BTreeMap<&'static str, u32>,
}

/// One entry of `labels`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Label {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

/// One entry of `patches` or `patchesJson6902`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    pub(crate) line: u32,
    /// The line `patch` starts in.
    pub(crate) text_line: u32,
}

/// One entry of `images`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) new_name: String,
    pub(crate) tag_suffix: String,
    pub(crate) new_tag: String,
    pub(crate) digest: String,
}

/// One entry of `replicas`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
}

/// `sortOptions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    /// `orderFirst` and `orderLast`, when given.
    pub(crate) legacy: Option<(Vec<String>, Vec<String>)>,
}

/// One entry of `configMapGenerator` or `secretGenerator`.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorArgs {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) options: Option<GeneratorOptions>,
    /// Of a Secret.
    pub(crate) secret_type: String,
    pub(crate) line: u32,
}

/// `generatorOptions`, or a generator's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

impl Kustomization {
    /// Reads the file's one document.
    pub(crate) fn read(documents: &[Node], file: &str) -> Step<Self> {
        let place = Place::file(file);
        let [document] = documents else {
            let message = if documents.is_empty() {
                "the kustomization is empty"
            } else {
                "a kustomization is one document"
            };
            return Err(failed(message)
                .at(muster_model::Location::file(file))
                .into());
        };
        let record = Record::read(document, place, FIELDS, Unknown::Refuse)?;
        refuse_helm(&record)?;
        Record::read(
            record.get("metadata").unwrap_or(&Node::default()),
            record.at("metadata"),
            &["name", "namespace", "labels", "annotations"],
            Unknown::Refuse,
        )?;
        let kustomization = Self::fields(&record)?;
        // The entries of these go to other fields; none of them is nothing.
        let is_merged = |field: &str| matches!(field, "bases" | "imageTags");
        let says = |field: &'static str| {
            let list = record.get(field).and_then(Node::as_list);
            record.says(field) && !(is_merged(field) && list.is_some_and(<[_]>::is_empty))
        };
        if !FIELDS.iter().skip(2).any(|f| says(f)) {
            return Err(record
                .place
                .problem(
                    Reason::BuildFailed,
                    record.line,
                    "the kustomization is empty",
                )
                .into());
        }
        Ok(kustomization)
    }

    fn fields(record: &Record<'_>) -> Step<Self> {
        let mut resources = record.lined_texts("resources")?;
        resources.extend(record.lined_texts("bases")?);
        let mut images = read_all(record, "images", Image::read)?;
        images.extend(read_all(record, "imageTags", Image::read)?);
        Ok(Self {
            role: role(record)?,
            openapi: record.text_map("openapi")?,
            name_prefix: record.text("namePrefix")?,
            name_suffix: record.text("nameSuffix")?,
            namespace: record.text("namespace")?,
            common_labels: record.text_map("commonLabels")?,
            labels: read_all(record, "labels", Label::read)?,
            common_annotations: record.text_map("commonAnnotations")?,
            patches_strategic_merge: record.lined_texts("patchesStrategicMerge")?,
            patches_json6902: read_all(record, "patchesJson6902", Patch::read)?,
            patches: read_all(record, "patches", Patch::read)?,
            images,
            replacements: read_all(record, "replacements", ReplacementField::read)?,
            replicas: read_all(record, "replicas", Replica::read)?,
            vars: read_all(record, "vars", Var::read)?,
            sort_options: record
                .get("sortOptions")
                .map(|n| SortOptions::read(n, record.at("sortOptions")))
                .transpose()?,
            resources,
            components: record.lined_texts("components")?,
            crds: record.lined_texts("crds")?,
            config_map_generator: read_all(record, "configMapGenerator", |n, p| {
                GeneratorArgs::read(n, p, Unknown::Refuse)
            })?,
            secret_generator: read_all(record, "secretGenerator", |n, p| {
                GeneratorArgs::read(n, p, Unknown::Refuse)
            })?,
            generator_options: GeneratorOptions::read_field(
                record,
                "generatorOptions",
                Unknown::Refuse,
            )?,
            configurations: record.lined_texts("configurations")?,
            generators: record.lined_texts("generators")?,
            transformers: record.lined_texts("transformers")?,
            validators: record.lined_texts("validators")?,
            build_metadata: record.texts("buildMetadata")?,
            lines: record.lines().clone(),
        })
    }

    /// The line of a field; 0 when it is not written.
    pub(crate) fn line_of(&self, field: &str) -> u32 {
        self.lines.get(field).copied().unwrap_or(0)
    }

    /// True when `buildMetadata` lists the option.
    pub(crate) fn wants(&self, option: &str) -> bool {
        self.build_metadata.iter().any(|o| o == option)
    }
}

/// Reads every item of a list.
pub(crate) fn read_all<T>(
    record: &Record<'_>,
    name: &'static str,
    read: impl Fn(&Node, Place) -> Step<T>,
) -> Step<Vec<T>> {
    record
        .items(name)?
        .into_iter()
        .map(|(node, place)| read(node, place))
        .collect()
}

fn role(record: &Record<'_>) -> Step<Role> {
    let (kind, version) = (record.text("kind")?, record.text("apiVersion")?);
    let (role, wanted) = match &*kind {
        "" | "Kustomization" => (Role::Kustomization, "kustomize.config.k8s.io/v1beta1"),
        "Component" => (Role::Component, "kustomize.config.k8s.io/v1alpha1"),
        _ => {
            let message = "kind should be Kustomization or Component";
            return Err(record
                .at("kind")
                .problem(Reason::InvalidField, record.line, message)
                .into());
        }
    };
    if !version.is_empty() && version != wanted {
        let message = format!("apiVersion for {kind} should be {wanted}");
        return Err(record
            .at("apiVersion")
            .problem(Reason::InvalidField, record.line, message)
            .into());
    }
    Ok(role)
}

fn refuse_helm(record: &Record<'_>) -> Result<(), Problem> {
    for field in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(node) = record
            .get(field)
            .filter(|n| n.as_list().is_none_or(|l| !l.is_empty()))
        {
            let message = "Helm charts are not inflated";
            return Err(record.at(field).problem(
                Reason::HelmNotSupported,
                node.span.line,
                message,
            ));
        }
    }
    Ok(())
}

impl Label {
    fn read(node: &Node, place: Place) -> Step<Self> {
        let known = ["pairs", "includeSelectors", "includeTemplates", "fields"];
        let record = Record::read(node, place, &known, Unknown::Refuse)?;
        Ok(Self {
            pairs: record.text_map("pairs")?,
            include_selectors: record.flag("includeSelectors")?,
            include_templates: record.flag("includeTemplates")?,
            fields: read_all(&record, "fields", |n, p| {
                FieldSpec::read(n, p, Unknown::Refuse)
            })?,
        })
    }
}

impl Patch {
    fn read(node: &Node, place: Place) -> Step<Self> {
        Self::read_with(node, place, Unknown::Refuse)
    }

    /// Reads an entry, or the configuration of a PatchTransformer.
    pub(crate) fn read_with(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["path", "patch", "target", "options"],
            unknown,
        )?;
        let target = record
            .get("target")
            .map(|n| Selector::read(n, record.at("target"), unknown))
            .transpose()?;
        let empty = Node::default();
        let options = Record::read(
            record.get("options").unwrap_or(&empty),
            record.at("options"),
            &["allowNameChange", "allowKindChange"],
            unknown,
        )?;
        Ok(Self {
            path: record.text("path")?,
            patch: record.text("patch")?,
            target,
            allow_name_change: options.flag("allowNameChange")?,
            allow_kind_change: options.flag("allowKindChange")?,
            line: record.line,
            text_line: record.get("patch").map_or(0, |n| n.span.line),
        })
    }
}

impl Image {
    /// Reads one image.
    pub(crate) fn read(node: &Node, place: Place) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["name", "newName", "tagSuffix", "newTag", "digest"],
            Unknown::Refuse,
        )?;
        Ok(Self {
            name: record.text("name")?,
            new_name: record.text("newName")?,
            tag_suffix: record.text("tagSuffix")?,
            new_tag: record.text("newTag")?,
            digest: record.text("digest")?,
        })
    }
}

impl Replica {
    /// Reads one replica count.
    pub(crate) fn read(node: &Node, place: Place) -> Step<Self> {
        let record = Record::read(node, place, &["name", "count"], Unknown::Refuse)?;
        Ok(Self {
            name: record.text("name")?,
            count: record.int("count")?.unwrap_or(0),
        })
    }
}

impl SortOptions {
    fn read(node: &Node, place: Place) -> Step<Self> {
        let record = Record::read(
            node,
            place,
            &["order", "legacySortOptions"],
            Unknown::Refuse,
        )?;
        let legacy = record
            .get("legacySortOptions")
            .map(|node| {
                let known = ["orderFirst", "orderLast"];
                let record = Record::read(
                    node,
                    record.at("legacySortOptions"),
                    &known,
                    Unknown::Refuse,
                )?;
                Step::Ok((record.texts("orderFirst")?, record.texts("orderLast")?))
            })
            .transpose()?;
        Ok(Self {
            order: record.text("order")?,
            legacy,
        })
    }
}

impl GeneratorArgs {
    /// Reads an entry, or the configuration of a generator of its own.
    pub(crate) fn read(node: &Node, place: Place, unknown: Unknown) -> Step<Self> {
        let known = [
            "namespace",
            "name",
            "behavior",
            "literals",
            "files",
            "envs",
            "env",
            "options",
            "type",
            "metadata",
        ];
        let known = if unknown == Unknown::Refuse {
            &known[..9]
        } else {
            &known[..]
        };
        let record = Record::read(node, place, known, unknown)?;
        let mut envs = record.texts("envs")?;
        // Only the kustomization itself has the older spelling.
        if unknown == Unknown::Refuse {
            envs.extend(Some(record.text("env")?).filter(|e| !e.is_empty()));
        }
        let mut args = Self {
            namespace: record.text("namespace")?,
            name: record.text("name")?,
            behavior: record.text("behavior")?,
            literals: record.texts("literals")?,
            files: record.texts("files")?,
            envs,
            options: GeneratorOptions::read_field(&record, "options", unknown)?,
            secret_type: record.text("type")?,
            line: record.line,
        };
        if let Some(metadata) = record.get("metadata") {
            let metadata = Record::read(
                metadata,
                record.at("metadata"),
                &["name", "namespace"],
                Unknown::Ignore,
            )?;
            if args.name.is_empty() {
                args.name = metadata.text("name")?;
            }
            if args.namespace.is_empty() {
                args.namespace = metadata.text("namespace")?;
            }
        }
        Ok(args)
    }
}

impl GeneratorOptions {
    fn read_field(record: &Record<'_>, name: &'static str, unknown: Unknown) -> Step<Option<Self>> {
        let Some(node) = record.get(name) else {
            return Ok(None);
        };
        let known = [
            "labels",
            "annotations",
            "disableNameSuffixHash",
            "immutable",
        ];
        let record = Record::read(node, record.at(name), &known, unknown)?;
        Ok(Some(Self {
            labels: record.text_map("labels")?,
            annotations: record.text_map("annotations")?,
            disable_name_suffix_hash: record.flag("disableNameSuffixHash")?,
            immutable: record.flag("immutable")?,
        }))
    }

    /// A generator's own options over the kustomization's.
    pub(crate) fn over(own: Option<&Self>, global: Option<&Self>) -> Option<Self> {
        let Some(global) = global else {
            return own.cloned();
        };
        let mut merged = own.cloned().unwrap_or_default();
        for (key, value) in &global.labels {
            merged
                .labels
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
        for (key, value) in &global.annotations {
            merged
                .annotations
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
        merged.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        merged.immutable |= global.immutable;
        Some(merged)
    }
}
