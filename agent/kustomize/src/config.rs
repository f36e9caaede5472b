//! Which fields of which kinds the transformers touch: kustomize's defaults and what `configurations` and `crds` add.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use muster_model::Node;

use crate::failure::Step;
use crate::field_spec::{FieldSpec, merge, read_gvk};
use crate::id::Gvk;
use crate::record::{Place, Record, Unknown};
use crate::transform::sort;

/// kustomize 5.8.1's defaults; see tables/README.md.
const DEFAULTS: &str = include_str!("../tables/field-specs.txt");

/// Fields that hold the name of an object of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BackReference {
    /// The kind that is referred to.
    pub(crate) target: Gvk<'static>,
    /// The fields that refer to it.
    pub(crate) referrers: Vec<FieldSpec>,
}

/// Fields for every transformer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) name_prefix: Vec<FieldSpec>,
    pub(crate) name_suffix: Vec<FieldSpec>,
    pub(crate) namespace: Vec<FieldSpec>,
    pub(crate) common_labels: Vec<FieldSpec>,
    pub(crate) labels: Vec<FieldSpec>,
    pub(crate) template_labels: Vec<FieldSpec>,
    pub(crate) common_annotations: Vec<FieldSpec>,
    pub(crate) name_reference: Vec<BackReference>,
    pub(crate) var_reference: Vec<FieldSpec>,
    pub(crate) images: Vec<FieldSpec>,
    pub(crate) replicas: Vec<FieldSpec>,
}

const SECTIONS: [&str; 11] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "varReference",
    "images",
    "replicas",
    "nameReference",
];

impl Config {
    /// kustomize's defaults.
    pub(crate) fn defaults() -> Arc<Self> {
        static PARSED: OnceLock<Arc<Config>> = OnceLock::new();
        Arc::clone(PARSED.get_or_init(|| {
            let mut config = Self::default();
            for line in DEFAULTS.lines() {
                config.default_line(line);
            }
            config.sort();
            Arc::new(config)
        }))
    }

    /// Reads a file of `configurations`.
    pub(crate) fn read(node: &Node, file: &str) -> Step<Self> {
        let record = Record::read(node, Place::file(file), &SECTIONS, Unknown::Refuse)?;
        let mut config = Self::default();
        for (name, specs) in SECTIONS.iter().zip(config.lists_mut()) {
            *specs = crate::kustomization::read_all(&record, name, |n, p| {
                FieldSpec::read(n, p, Unknown::Refuse)
            })?;
        }
        config.name_reference =
            crate::kustomization::read_all(&record, "nameReference", |node, place| {
                let known = ["group", "version", "kind", "fieldSpecs"];
                let record = Record::read(node, place, &known, Unknown::Refuse)?;
                Ok(BackReference {
                    target: read_gvk(&record)?,
                    referrers: crate::kustomization::read_all(&record, "fieldSpecs", |n, p| {
                        FieldSpec::read(n, p, Unknown::Refuse)
                    })?,
                })
            })?;
        config.sort();
        Ok(config)
    }

    /// Adds another configuration to this one.
    pub(crate) fn merge(&mut self, mut other: Self) -> Step<()> {
        for (mine, more) in self.lists_mut().into_iter().zip(other.lists_mut()) {
            merge(mine, more)?;
        }
        for more in other.name_reference {
            self.add_back_reference(more)?;
        }
        self.sort();
        Ok(())
    }

    /// Adds fields that refer to a kind.
    pub(crate) fn add_back_reference(&mut self, more: BackReference) -> Step<()> {
        match self
            .name_reference
            .iter_mut()
            .find(|r| r.target == more.target)
        {
            Some(mine) => merge(&mut mine.referrers, &more.referrers),
            None => {
                self.name_reference.push(more);
                Ok(())
            }
        }
    }

    fn lists_mut(&mut self) -> [&mut Vec<FieldSpec>; 10] {
        [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ]
    }

    fn sort(&mut self) {
        for list in self.lists_mut() {
            list.sort_by_cached_key(|spec| sort::default_rank(&spec.gvk));
        }
        self.name_reference
            .sort_by_cached_key(|r| sort::default_rank(&r.target));
    }

    fn default_line(&mut self, line: &'static str) {
        let mut words = line.split(' ');
        let section = words.next().unwrap_or_default();
        let mut part = || match words.next().unwrap_or_default() {
            "*" => Cow::Borrowed(""),
            text => Cow::Borrowed(text),
        };
        let (kind, version, group) = (part(), part(), part());
        let gvk: Gvk<'static> = Gvk {
            group,
            version,
            kind,
        };
        if section == "target" {
            self.name_reference.push(BackReference {
                target: gvk,
                referrers: Vec::new(),
            });
            return;
        }
        let path = part();
        let spec = FieldSpec::new(gvk, path, line.ends_with(" create"));
        if section == "by" {
            if let Some(last) = self.name_reference.last_mut() {
                last.referrers.push(spec);
            }
        } else if let Some(index) = SECTIONS.iter().position(|s| *s == section)
            && let Some(list) = self.lists_mut().into_iter().nth(index)
        {
            list.push(spec);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_table_is_read_whole() {
        let config = Config::defaults();
        let referrers: usize = config
            .name_reference
            .iter()
            .map(|r| r.referrers.len())
            .sum();
        let rest: usize = Config::clone(&config)
            .lists_mut()
            .iter()
            .map(|l| l.len())
            .sum();
        let lines = DEFAULTS
            .lines()
            .filter(|l| !l.starts_with("target"))
            .count();
        assert_eq!(referrers + rest, lines);
        assert_eq!(config.namespace[0].path, "metadata/name");
    }
}
