//! Generators and transformers configured by objects of their own: `apiVersion: builtin`. All others are refused.

use muster_model::{Node, Problem, Reason, RepoPath};

use crate::failure::{Step, Stop, failed};
use crate::field_spec::FieldSpec;
use crate::generate::{self, Kind};
use crate::id::Gvk;
use crate::kustomization::{GeneratorArgs, Image, Patch, Replica, read_all};
use crate::record::{Place, Record, Unknown};
use crate::resource::Resource;
use crate::selector::Selector;
use crate::session::{Reading, Session};
use crate::transform::namespace::{Namespace, Overwrite, Subjects};
use crate::transform::prefix::Affix;
use crate::transform::replacement::ReplacementField;
use crate::transform::value_add;
use crate::transformer::{Transformer, read_json_patch, read_legacy_patch, read_patch};

/// Where a configuration comes from.
pub(crate) struct Plugin<'p> {
    /// The directory of the kustomization that names it.
    pub(crate) root: &'p RepoPath,
    /// The object.
    pub(crate) config: &'p Resource,
    file: String,
}

impl<'p> Plugin<'p> {
    /// Takes the configuration of a built-in kind.
    pub(crate) fn new(root: &'p RepoPath, config: &'p Resource) -> Step<Self> {
        let plugin = Self {
            root,
            config,
            file: config
                .file
                .as_deref()
                .unwrap_or("a generated object")
                .to_owned(),
        };
        let gvk = Gvk::of(&config.node);
        if gvk.group.is_empty() && gvk.version == "builtin" {
            return Ok(plugin);
        }
        let message = format!("{} is no built-in generator or transformer", gvk.kind);
        Err(plugin.problem(Reason::PluginNotAllowed, message).into())
    }

    fn problem(&self, reason: Reason, message: String) -> Problem {
        Place::file(&self.file).problem(reason, self.config.node.span.line, message)
    }

    fn record(&self, known: &[&'static str]) -> Step<Record<'p>> {
        Record::read(
            &self.config.node,
            Place::file(&self.file),
            known,
            Unknown::Ignore,
        )
    }

    fn unknown_kind(&self) -> Stop {
        let gvk = Gvk::of(&self.config.node);
        match &*gvk.kind {
            "HelmChartInflationGenerator" => self
                .problem(
                    Reason::HelmNotSupported,
                    "Helm charts are not inflated".to_owned(),
                )
                .into(),
            _ => self
                .problem(Reason::BuildFailed, format!("unable to load builtin {gvk}"))
                .into(),
        }
    }

    /// Generates the objects of a generator.
    pub(crate) fn generate(&self, session: &mut Session<'_>) -> Step<Vec<Resource>> {
        let node = &self.config.node;
        let kind = match &*self.config.kind() {
            "ConfigMapGenerator" => Kind::ConfigMap,
            "SecretGenerator" => Kind::Secret,
            "IAMPolicyGenerator" => {
                return Ok(vec![generate::iam_policy::generate(
                    node,
                    Place::file(&self.file),
                )?]);
            }
            _ => return Err(self.unknown_kind()),
        };
        let args = GeneratorArgs::read(node, Place::file(&self.file), Unknown::Ignore)?;
        Ok(vec![generate::generate(session, self.root, kind, &args)?])
    }

    /// The step of a transformer.
    pub(crate) fn transformer(&self, session: &mut Session<'_>) -> Step<Transformer> {
        match &*self.config.kind() {
            "AnnotationsTransformer" => self.entries("annotations"),
            "LabelTransformer" => self.entries("labels"),
            "HashTransformer" => Ok(Transformer::Hash),
            "ImageTagTransformer" => self.image(),
            "NamespaceTransformer" => self.namespace(),
            "PatchJson6902Transformer" => self.json_patch(session),
            "PatchStrategicMergeTransformer" => self.strategic_patches(session),
            "PatchTransformer" => {
                let patch =
                    Patch::read_with(&self.config.node, Place::file(&self.file), Unknown::Ignore)?;
                read_patch(session, self.root, &self.file, &patch)
            }
            "PrefixTransformer" => self.affix(Affix::Prefix),
            "SuffixTransformer" => self.affix(Affix::Suffix),
            "PrefixSuffixTransformer" => Ok(Transformer::Several(vec![
                self.affix(Affix::Prefix)?,
                self.affix(Affix::Suffix)?,
            ])),
            "ReplacementTransformer" => self.replacements(session),
            "ReplicaCountTransformer" => self.replicas(),
            "ValueAddTransformer" => self.value_add(session),
            _ => Err(self.unknown_kind()),
        }
    }

    fn fields(record: &Record<'_>) -> Step<Vec<FieldSpec>> {
        read_all(record, "fieldSpecs", |n, p| {
            FieldSpec::read(n, p, Unknown::Ignore)
        })
    }

    fn entries(&self, field: &'static str) -> Step<Transformer> {
        let record = self.record(&[field, "fieldSpecs"])?;
        Ok(Transformer::Entries(
            record.text_map(field)?,
            Self::fields(&record)?,
        ))
    }

    fn image(&self) -> Step<Transformer> {
        let record = self.record(&["imageTag", "fieldSpecs"])?;
        let empty = Node::default();
        let image = Image::read(
            record.get("imageTag").unwrap_or(&empty),
            record.at("imageTag"),
        )?;
        Ok(Transformer::Image(image, Self::fields(&record)?))
    }

    fn namespace(&self) -> Step<Transformer> {
        let record = self.record(&[
            "metadata",
            "fieldSpecs",
            "unsetOnly",
            "setRoleBindingSubjects",
        ])?;
        let mode = record.text("setRoleBindingSubjects")?;
        let Some(subjects) = Subjects::parse(&mode) else {
            let message = format!(
                "invalid value {mode:?}: must be one of \"defaultOnly\", \"allServiceAccounts\" or \"none\""
            );
            return Err(record
                .at("setRoleBindingSubjects")
                .problem(Reason::InvalidField, record.line, message)
                .into());
        };
        Ok(Transformer::Namespace(Namespace {
            name: self.config.namespace().into_owned(),
            fields: Self::fields(&record)?,
            subjects,
            overwrite: if record.flag("unsetOnly")? {
                Overwrite::UnsetOnly
            } else {
                Overwrite::All
            },
        }))
    }

    fn json_patch(&self, session: &mut Session<'_>) -> Step<Transformer> {
        let record = self.record(&["target", "path", "jsonOp"])?;
        let target = record
            .get("target")
            .map(|n| Selector::read(n, record.at("target"), Unknown::Ignore))
            .transpose()?;
        let patch = Patch {
            path: record.text("path")?,
            patch: record.text("jsonOp")?,
            target,
            line: record.line,
            text_line: record.get("jsonOp").map_or(0, |n| n.span.line),
            ..Patch::default()
        };
        read_json_patch(session, self.root, &self.file, &patch)
    }

    fn strategic_patches(&self, session: &mut Session<'_>) -> Step<Transformer> {
        let record = self.record(&["paths", "patches"])?;
        let mut all = Vec::new();
        for path in record.texts("paths")? {
            all.extend(read_legacy_patch(
                session,
                self.root,
                &self.file,
                (&path, record.line),
            )?);
        }
        let inline = record.text("patches")?;
        if !inline.is_empty() {
            let documents = session.parse(inline.as_bytes(), &self.file, Reading::Resources)?;
            all.extend(crate::parse::resources(documents, &self.file)?);
        }
        if all.is_empty() {
            return Err(self
                .problem(Reason::BuildFailed, "patch appears to be empty".to_owned())
                .into());
        }
        Ok(Transformer::LegacyPatches(all))
    }

    fn affix(&self, affix: Affix) -> Step<Transformer> {
        let record = self.record(&["prefix", "suffix", "fieldSpecs"])?;
        let text = match affix {
            Affix::Prefix => record.text("prefix")?,
            Affix::Suffix => record.text("suffix")?,
        };
        if record.get("fieldSpecs").is_none() {
            return Err(failed("fieldSpecs is not expected to be nil")
                .field("fieldSpecs")
                .into());
        }
        Ok(Transformer::Affix(affix, text, Self::fields(&record)?))
    }

    fn replacements(&self, session: &mut Session<'_>) -> Step<Transformer> {
        let record = self.record(&["replacements"])?;
        let mut all = Vec::new();
        for field in read_all(&record, "replacements", |n, p| {
            ReplacementField::read_with(n, p, Unknown::Ignore)
        })? {
            all.extend(field.load(session, self.root)?);
        }
        Ok(Transformer::Replacements(all))
    }

    fn replicas(&self) -> Step<Transformer> {
        let record = self.record(&["replica", "fieldSpecs"])?;
        let empty = Node::default();
        let replica = Replica::read(
            record.get("replica").unwrap_or(&empty),
            record.at("replica"),
        )?;
        Ok(Transformer::Replicas(replica, Self::fields(&record)?))
    }

    fn value_add(&self, session: &mut Session<'_>) -> Step<Transformer> {
        let record = self.record(&["value", "targets", "targetFilePath"])?;
        let mut targets = value_add::read_targets(&record)?;
        let path = record.text("targetFilePath")?;
        if !path.is_empty() {
            let path = session.resolve_file(self.root, &path)?;
            if let Some(document) = session.documents(&path, Reading::Values)?.first() {
                let place = Place::file(&path.to_string());
                targets.extend(value_add::read_targets(&Record::read(
                    document,
                    place,
                    &["targets"],
                    Unknown::Ignore,
                )?)?);
            }
        }
        if targets.is_empty() {
            return Err(failed("must specify at least one target")
                .field("targets")
                .into());
        }
        let value = record.text("value")?.trim().to_owned();
        let value = if value.is_empty() {
            self.root.file_name().to_owned()
        } else {
            value
        };
        Ok(Transformer::ValueAdd(value, targets))
    }
}
