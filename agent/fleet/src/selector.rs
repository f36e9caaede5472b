//! Label selectors, as Kubernetes and Argo CD evaluate them.

use std::collections::BTreeMap;

use muster_model::Node;

use crate::decode::{Decoder, Fields, child};
use crate::{labels, suggest};

/// A label selector; an empty one matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// Labels that must have these values.
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions.
    pub match_expressions: Vec<Requirement>,
}

/// One condition of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// The label is there and has one of the values.
    In,
    /// The label is not there, or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// A condition of a selector that labels do not fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The label's key.
    pub key: String,
    /// What is asked of it, in words: `is "true"`, `is one of a, b`, `is there`.
    pub wanted: String,
    /// The value that is there.
    pub found: Option<String>,
    /// A key that is there and nearly the same.
    pub near: Option<String>,
}

impl Unmet {
    /// What is missing, of something called `what`: a label, a parameter.
    #[must_use]
    pub fn words(&self, what: &str) -> String {
        let Self {
            key,
            wanted,
            found,
            near,
        } = self;
        match (found, near) {
            (Some(value), _) => {
                format!("{what} {key} is \"{value}\", and the selector asks that it {wanted}")
            }
            (None, Some(near)) => format!(
                "{what} {key} is missing (there is {near}), and the selector asks that it {wanted}"
            ),
            (None, None) => {
                format!("{what} {key} is missing, and the selector asks that it {wanted}")
            }
        }
    }
}

/// Where a selector's labels come from, which decides what a key may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Labels of a cluster: Kubernetes' rules for keys and values.
    Labels,
    /// Generated parameters: values may be anything.
    Parameters,
}

impl Selector {
    /// True when nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// True when the labels fulfil every condition.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_by(&|key| labels.get(key).map(String::as_str))
    }

    /// True when what `label` finds fulfils every condition.
    #[must_use]
    pub fn matches_by<'l>(&self, label: &dyn Fn(&str) -> Option<&'l str>) -> bool {
        let equal = |(key, value): (&String, &String)| label(key) == Some(value.as_str());
        self.match_labels.iter().all(equal)
            && self
                .match_expressions
                .iter()
                .all(|r| r.matches(label(&r.key)))
    }

    /// The conditions that the labels do not fulfil.
    #[must_use]
    pub fn unmet(&self, labels: &BTreeMap<String, String>) -> Vec<Unmet> {
        let unmet = |key: &str, wanted: String| {
            let found = labels.get(key).cloned();
            let near = suggest::closest(key, labels.keys().map(String::as_str));
            Unmet {
                key: key.to_owned(),
                wanted,
                near: near.filter(|_| found.is_none()).map(ToOwned::to_owned),
                found,
            }
        };
        let equal = self.match_labels.iter();
        let mut out: Vec<Unmet> = equal
            .filter(|(key, value)| labels.get(*key) != Some(value))
            .map(|(key, value)| unmet(key, format!("is \"{value}\"")))
            .collect();
        let value = |r: &Requirement| labels.get(&r.key).map(String::as_str);
        let others = self
            .match_expressions
            .iter()
            .filter(|r| !r.matches(value(r)));
        out.extend(others.map(|r| unmet(&r.key, r.words())));
        out
    }

    /// Reads a selector.
    pub fn read(decoder: &mut Decoder, node: &Node, path: &str, subject: Subject) -> Self {
        let mut fields = decoder.fields(node, path);
        let match_labels = decoder.text_map(&mut fields, "matchLabels");
        let mut match_expressions = Vec::new();
        for (path, node) in decoder.items(&mut fields, "matchExpressions") {
            match_expressions.extend(Requirement::read(decoder, node, &path, subject));
        }
        for (key, value) in &match_labels {
            let line = node
                .at_path(&["matchLabels", key])
                .map_or(node.span.line, |value| value.span.line);
            let path = child(&child(path, "matchLabels"), key);
            check_key(decoder, key, line, &path);
            check_value(decoder, value, subject, line, &path);
        }
        decoder.finish(fields);
        Self {
            match_labels,
            match_expressions,
        }
    }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|listed| listed == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    fn words(&self) -> String {
        let values = self.values.join(", ");
        match self.operator {
            Operator::In => format!("is one of {values}"),
            Operator::NotIn => format!("is none of {values}"),
            Operator::Exists => "is there".to_owned(),
            Operator::DoesNotExist => "is not there".to_owned(),
        }
    }

    fn read(decoder: &mut Decoder, node: &Node, path: &str, subject: Subject) -> Option<Self> {
        let mut fields = decoder.fields(node, path);
        let key = decoder.text_required(&mut fields, "key");
        let operator = read_operator(decoder, &mut fields);
        let values = decoder.texts(&mut fields, "values");
        decoder.finish(fields);
        let line = node.span.line;
        if !key.is_empty() {
            check_key(decoder, &key, line, &child(path, "key"));
        }
        for value in &values {
            check_value(decoder, value, subject, line, &child(path, "values"));
        }
        let wrong = match operator? {
            Operator::In | Operator::NotIn => values
                .is_empty()
                .then_some("`values` may not be empty for In and NotIn"),
            Operator::Exists | Operator::DoesNotExist => {
                (!values.is_empty()).then_some("`values` must be empty for Exists and DoesNotExist")
            }
        };
        if let Some(wrong) = wrong {
            decoder.wrong(line, &child(path, "values"), wrong);
        }
        Some(Self {
            key,
            operator: operator?,
            values,
        })
    }
}

fn read_operator(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<Operator> {
    if !fields.has("operator") {
        let path = fields.path_of("operator");
        decoder.wrong(fields.line(), &path, "`operator` is missing");
    }
    decoder.word(
        fields,
        "operator",
        &[
            ("In", Operator::In),
            ("NotIn", Operator::NotIn),
            ("Exists", Operator::Exists),
            ("DoesNotExist", Operator::DoesNotExist),
        ],
    )
}

fn check_key(decoder: &mut Decoder, key: &str, line: u32, path: &str) {
    if !decoder.is_template(key)
        && let Some(why) = labels::key_error(key)
    {
        decoder.wrong(line, path, why);
    }
}

fn check_value(decoder: &mut Decoder, value: &str, subject: Subject, line: u32, path: &str) {
    match subject {
        Subject::Labels if !decoder.is_template(value) => {
            if let Some(why) = labels::value_error(value) {
                decoder.wrong(line, path, why);
            }
        }
        Subject::Labels | Subject::Parameters => {}
    }
}
