//! Reads a mapping with known fields: names case-insensitively as Go's JSON reader does, unknown ones refused.

use std::collections::BTreeMap;

use muster_model::{Location, Node, Problem, Reason, Value};

use crate::failure::Step;

/// Where a value stands: its file and the path of fields to it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) field: String,
}

impl Place {
    /// The root of a file.
    pub(crate) fn file(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            field: String::new(),
        }
    }

    /// A field below this place.
    pub(crate) fn field(&self, name: &str) -> Self {
        let field = if self.field.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.field)
        };
        Self {
            file: self.file.clone(),
            field,
        }
    }

    /// An item below this place.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self {
            file: self.file.clone(),
            field: format!("{}[{index}]", self.field),
        }
    }

    /// A problem with the value that stands here.
    pub(crate) fn problem(&self, reason: Reason, line: u32, message: impl Into<String>) -> Problem {
        let problem = Problem::new(reason, message).at(Location::line(&*self.file, line));
        if self.field.is_empty() {
            problem
        } else {
            problem.field(&*self.field)
        }
    }

    fn wrong_type(&self, node: &Node, wanted: &str) -> Problem {
        self.problem(
            Reason::InvalidField,
            node.span.line,
            format!("expected {wanted}, found {}", node.shape()),
        )
    }
}

/// Whether fields that are not known are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Refused, with a suggestion.
    Refuse,
    /// Left out of account: configuration files of built-in plugins may have them.
    Ignore,
}

/// A mapping whose fields were matched with the known ones.
#[derive(Debug)]
pub(crate) struct Record<'n> {
    pub(crate) place: Place,
    pub(crate) line: u32,
    unknown: Unknown,
    fields: BTreeMap<&'static str, &'n Node>,
    lines: BTreeMap<&'static str, u32>,
}

impl<'n> Record<'n> {
    /// Matches the members of a mapping with `known` fields. Null has no members.
    pub(crate) fn read(
        node: &'n Node,
        place: Place,
        known: &[&'static str],
        unknown: Unknown,
    ) -> Step<Self> {
        let mut fields = BTreeMap::new();
        let mut lines = BTreeMap::new();
        let line = node.span.line;
        let map = match &node.value {
            Value::Null => {
                return Ok(Self {
                    place,
                    line,
                    unknown,
                    fields,
                    lines,
                });
            }
            Value::Map(map) => map,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
                return Err(place.wrong_type(node, "a mapping").into());
            }
        };
        for member in map.members() {
            let name = known
                .iter()
                .find(|k| **k == &*member.key)
                .or_else(|| known.iter().find(|k| k.eq_ignore_ascii_case(&member.key)));
            match (name, unknown) {
                (Some(name), _) => {
                    fields.insert(*name, &member.value);
                    lines.insert(*name, member.key_span.line);
                }
                (None, Unknown::Ignore) => {}
                (None, Unknown::Refuse) => {
                    let mut problem = place.field(&member.key).problem(
                        Reason::InvalidField,
                        member.key_span.line,
                        format!("unknown field {:?}", member.key),
                    );
                    if let Some(near) = nearest(&member.key, known) {
                        problem = problem.remedy(format!("did you mean `{near}`?"));
                    }
                    return Err(problem.into());
                }
            }
        }
        Ok(Self {
            place,
            line,
            unknown,
            fields,
            lines,
        })
    }

    /// The lines the fields are written in.
    pub(crate) fn lines(&self) -> &BTreeMap<&'static str, u32> {
        &self.lines
    }

    /// The value of a field; null counts as absent.
    pub(crate) fn get(&self, name: &'static str) -> Option<&'n Node> {
        self.fields.get(name).copied().filter(|n| !n.is_null())
    }

    /// True when the field is written with more than Go's zero value; an empty list or mapping is more.
    pub(crate) fn says(&self, name: &'static str) -> bool {
        self.get(name).is_some_and(|n| n.as_str() != Some(""))
    }

    /// The place of a field.
    pub(crate) fn at(&self, name: &str) -> Place {
        self.place.field(name)
    }

    /// A text; empty when absent.
    pub(crate) fn text(&self, name: &'static str) -> Step<String> {
        self.get(name).map_or_else(
            || Ok(String::new()),
            |node| self.text_of(node, &self.at(name)),
        )
    }

    /// A boolean; false when absent.
    pub(crate) fn flag(&self, name: &'static str) -> Step<bool> {
        let Some(node) = self.get(name) else {
            return Ok(false);
        };
        match (&node.value, node.as_str()) {
            (Value::Bool(value), _) => Ok(*value),
            // Kustomization files are read by YAML 1.1.
            (_, Some("yes" | "Yes" | "YES" | "on" | "On" | "ON")) => Ok(true),
            (_, Some("no" | "No" | "NO" | "off" | "Off" | "OFF")) => Ok(false),
            _ => Err(self.at(name).wrong_type(node, "a boolean").into()),
        }
    }

    /// An integer; absent when not written.
    pub(crate) fn int(&self, name: &'static str) -> Step<Option<i64>> {
        let Some(node) = self.get(name) else {
            return Ok(None);
        };
        match node.as_int() {
            Some(value) => Ok(Some(value)),
            None => Err(self.at(name).wrong_type(node, "an integer").into()),
        }
    }

    /// The items of a list, each with its place; none when absent.
    pub(crate) fn items(&self, name: &'static str) -> Step<Vec<(&'n Node, Place)>> {
        let Some(node) = self.get(name) else {
            return Ok(Vec::new());
        };
        let place = self.at(name);
        let Some(items) = node.as_list() else {
            return Err(place.wrong_type(node, "a list").into());
        };
        Ok(items
            .iter()
            .enumerate()
            .map(|(i, n)| (n, place.index(i)))
            .collect())
    }

    /// A list of texts; empty when absent.
    pub(crate) fn texts(&self, name: &'static str) -> Step<Vec<String>> {
        self.items(name)?
            .into_iter()
            .map(|(node, place)| self.text_of(node, &place))
            .collect()
    }

    /// A list of texts with their lines.
    pub(crate) fn lined_texts(&self, name: &'static str) -> Step<Vec<(String, u32)>> {
        self.items(name)?
            .into_iter()
            .map(|(node, place)| Ok((self.text_of(node, &place)?, node.span.line)))
            .collect()
    }

    /// A mapping of texts; empty when absent.
    pub(crate) fn text_map(&self, name: &'static str) -> Step<BTreeMap<String, String>> {
        let Some(node) = self.get(name) else {
            return Ok(BTreeMap::new());
        };
        let place = self.at(name);
        let Some(map) = node.as_map() else {
            return Err(place.wrong_type(node, "a mapping").into());
        };
        map.iter()
            .map(|(key, value)| Ok((key.to_owned(), self.text_of(value, &place.field(key))?)))
            .collect()
    }
}

impl Record<'_> {
    /// A text. Configurations of plugins are read by a reader that makes texts of numbers and booleans.
    fn text_of(&self, node: &Node, place: &Place) -> Step<String> {
        match (&node.value, self.unknown) {
            (Value::Bool(value), Unknown::Ignore) => Ok(value.to_string()),
            (Value::Number(number), Unknown::Ignore) => Ok(number.value.to_string()),
            _ => text(node, place),
        }
    }
}

/// A text, or empty for null.
pub(crate) fn text(node: &Node, place: &Place) -> Step<String> {
    match &node.value {
        Value::String(text) => Ok(text.raw.as_deref().unwrap_or(&text.text).to_owned()),
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => Err(place
            .wrong_type(node, "a text")
            .remedy("put the value in quotes")
            .into()),
    }
}

/// The known name that differs least, when it is near enough to be meant.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|k| {
            (
                distance(&name.to_ascii_lowercase(), &k.to_ascii_lowercase()),
                *k,
            )
        })
        .min()
        .filter(|(d, k)| *d <= 1 + k.len() / 4)
        .map(|(_, k)| k)
}

fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let next = (diagonal + usize::from(x != y))
                .min(row[j] + 1)
                .min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}
