//! Reads nodes into types field by field, keeping file, line and field of everything that is wrong.
//!
//! All errors of a file are collected; nothing stops at the first. A field nobody asked for is an error, with the
//! closest known name as remedy.

use std::collections::BTreeMap;

use muster_model::{Location, Map, Node, Problem, Reason};

use crate::failure::Failure;
use crate::suggest;

/// Reads one file's nodes and collects what is wrong with them.
#[derive(Debug)]
pub struct Decoder {
    file: String,
    reason: Reason,
    strings: Strings,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Whether texts are final, or may still hold `{{…}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strings {
    /// Every text is final.
    Final,
    /// A text with `{{` is a template: its value is checked once it is rendered.
    Templated,
}

/// The members of one mapping, and which of them have been asked for.
#[derive(Debug)]
pub struct Fields<'n> {
    map: Option<&'n Map>,
    path: String,
    line: u32,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a field; `None` when it is missing or null. The field counts as known from here on.
    pub fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        self.map?.get(name).filter(|node| !node.is_null())
    }

    /// True when the mapping has the field, null included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.map.is_some_and(|map| map.contains_key(name))
    }

    /// The path of a field of this mapping.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        child(&self.path, name)
    }

    /// The path of the mapping itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line a field stands at; that of the mapping when it is not there.
    #[must_use]
    pub fn line_of(&self, name: &str) -> u32 {
        let member = self.map.and_then(|map| map.member(name));
        member.map_or(self.line, |member| member.key_span.line)
    }

    /// The lines of all fields that have been asked for and are there.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<&'static str, u32> {
        let there = |name: &&'static str| Some((*name, self.map?.member(name)?.key_span.line));
        self.known.iter().filter_map(there).collect()
    }

    /// The line the mapping starts at; 0 when it was not read from a text.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl Decoder {
    /// A decoder for one file whose errors have `reason`.
    pub fn new(file: impl Into<String>, reason: Reason) -> Self {
        Self {
            file: file.into(),
            reason,
            strings: Strings::Final,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The same decoder, told whether texts may be templates.
    #[must_use]
    pub fn strings(mut self, strings: Strings) -> Self {
        self.strings = strings;
        self
    }

    /// The file being read.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// True when the text will be rendered before it means anything.
    #[must_use]
    pub fn is_template(&self, text: &str) -> bool {
        self.strings == Strings::Templated && text.contains("{{")
    }

    /// The place of a node.
    #[must_use]
    pub fn at(&self, node: &Node) -> Location {
        Location::line(&*self.file, node.span.line)
    }

    /// True while nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Number of problems so far.
    #[must_use]
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// Ends reading: what is wrong, and what is only worth a warning.
    #[must_use]
    pub fn into_problems(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems, self.warnings)
    }

    /// Ends reading with what is wrong, when anything is.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn refuse_all(self) -> Result<(), Failure> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Failure::Refused(self.problems))
    }

    /// Takes over what another decoder of the same file found.
    pub fn adopt(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.warnings.extend(other.warnings);
    }

    /// Records a problem with the decoder's own reason.
    pub fn wrong(&mut self, line: u32, path: &str, message: impl Into<String>) -> &mut Problem {
        self.refuse(self.reason, line, path, message)
    }

    /// Records a problem with another reason.
    pub fn refuse(
        &mut self,
        reason: Reason,
        line: u32,
        path: &str,
        message: impl Into<String>,
    ) -> &mut Problem {
        let problem = Problem::new(reason, message)
            .at(Location::line(&*self.file, line))
            .field(path);
        self.problems.push(problem);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// Records something that works but is worth knowing.
    pub fn warn(&mut self, reason: Reason, line: u32, path: &str, message: impl Into<String>) {
        let problem = Problem::new(reason, message)
            .at(Location::line(&*self.file, line))
            .field(path);
        self.warnings.push(problem);
    }

    /// Opens a mapping; anything else is a problem and reads as empty.
    pub fn fields<'n>(&mut self, node: &'n Node, path: &str) -> Fields<'n> {
        if node.as_map().is_none() && !node.is_null() {
            self.expected(node, path, "a mapping");
        }
        Fields {
            map: node.as_map(),
            path: path.to_owned(),
            line: node.span.line,
            known: Vec::new(),
        }
    }

    /// Ends a mapping: every field that was not asked for is unknown.
    pub fn finish(&mut self, fields: Fields<'_>) {
        let Some(map) = fields.map else { return };
        for member in map.members() {
            if fields.known.contains(&&*member.key) {
                continue;
            }
            let path = fields.path_of(&member.key);
            let near = suggest::closest(&member.key, fields.known.iter().copied());
            let known = fields.known.join(", ");
            let problem = self.wrong(
                member.key_span.line,
                &path,
                format!("unknown field `{}`", member.key),
            );
            problem.remedy = Some(near.map_or_else(
                || format!("the fields known here are: {known}"),
                |name| format!("did you mean `{name}`?"),
            ));
        }
    }

    /// Records that a node has the wrong shape.
    pub fn expected(&mut self, node: &Node, path: &str, what: &str) {
        let shape = node.shape();
        let line = node.span.line;
        let problem = self.wrong(line, path, format!("expected {what}, found {shape}"));
        if what == "a text" && node.raw_scalar().is_some() {
            let raw = node.raw_scalar().unwrap_or_default();
            problem.remedy = Some(format!("quote the value: \"{raw}\""));
        }
    }

    /// A text, when the field is there and is one.
    pub fn text_opt(&mut self, fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
        let node = fields.take(name)?;
        let text = node.as_str().map(ToOwned::to_owned);
        if text.is_none() {
            self.expected(node, &fields.path_of(name), "a text");
        }
        text
    }

    /// A text, empty when the field is missing.
    pub fn text(&mut self, fields: &mut Fields<'_>, name: &'static str) -> String {
        self.text_opt(fields, name).unwrap_or_default()
    }

    /// A text that has to be there and not empty.
    pub fn text_required(&mut self, fields: &mut Fields<'_>, name: &'static str) -> String {
        let there = fields.take(name).is_some();
        let text = self.text(fields, name);
        if text.is_empty() {
            let what = if there { "is empty" } else { "is missing" };
            self.refuse(
                Reason::MissingField,
                fields.line_of(name),
                &fields.path_of(name),
                format!("`{name}` {what}"),
            );
        }
        text
    }

    /// The text of a node.
    pub fn text_of(&mut self, node: &Node, path: &str) -> Option<String> {
        let text = node.as_str().map(ToOwned::to_owned);
        if text.is_none() {
            self.expected(node, path, "a text");
        }
        text
    }

    /// A boolean, when the field is there and is one.
    pub fn bool_opt(&mut self, fields: &mut Fields<'_>, name: &'static str) -> Option<bool> {
        let node = fields.take(name)?;
        let value = node.as_bool();
        if value.is_none() {
            self.expected(node, &fields.path_of(name), "a boolean");
        }
        value
    }

    /// A boolean, false when the field is missing.
    pub fn bool(&mut self, fields: &mut Fields<'_>, name: &'static str) -> bool {
        self.bool_opt(fields, name).unwrap_or_default()
    }

    /// An integer, when the field is there and is one.
    pub fn int_opt(&mut self, fields: &mut Fields<'_>, name: &'static str) -> Option<i64> {
        let node = fields.take(name)?;
        let value = node.as_int();
        if value.is_none() {
            self.expected(node, &fields.path_of(name), "an integer");
        }
        value
    }

    /// The items of a list field, with the path of each; empty when the field is missing.
    pub fn items<'n>(
        &mut self,
        fields: &mut Fields<'n>,
        name: &'static str,
    ) -> Vec<(String, &'n Node)> {
        let Some(node) = fields.take(name) else {
            return Vec::new();
        };
        let path = fields.path_of(name);
        let Some(items) = node.as_list() else {
            self.expected(node, &path, "a list");
            return Vec::new();
        };
        let number = |(index, item)| (format!("{path}[{index}]"), item);
        items.iter().enumerate().map(number).collect()
    }

    /// A list of texts.
    pub fn texts(&mut self, fields: &mut Fields<'_>, name: &'static str) -> Vec<String> {
        self.items(fields, name)
            .into_iter()
            .filter_map(|(path, node)| self.text_of(node, &path))
            .collect()
    }

    /// A mapping of texts to texts.
    pub fn text_map(
        &mut self,
        fields: &mut Fields<'_>,
        name: &'static str,
    ) -> BTreeMap<String, String> {
        let Some(node) = fields.take(name) else {
            return BTreeMap::new();
        };
        let path = fields.path_of(name);
        let Some(map) = node.as_map() else {
            self.expected(node, &path, "a mapping");
            return BTreeMap::new();
        };
        let mut out = BTreeMap::new();
        for (key, value) in map.iter() {
            match value.as_str() {
                Some(text) => drop(out.insert(key.to_owned(), text.to_owned())),
                None => self.expected(value, &child(&path, key), "a text"),
            }
        }
        out
    }

    /// One of a closed list of words; a template is let through as `None`.
    pub fn word<T: Copy>(
        &mut self,
        fields: &mut Fields<'_>,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let node = fields.take(name)?;
        let text = self.text_of(node, &fields.path_of(name))?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if !self.is_template(&text) {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let path = fields.path_of(name);
            let near = suggest::closest(&text, list.iter().copied());
            let problem = self.wrong(
                node.span.line,
                &path,
                format!("`{text}` is none of: {}", list.join(", ")),
            );
            problem.remedy = near.map(|word| format!("did you mean `{word}`?"));
        }
        None
    }

    /// Refuses a field that muster does not do, by name, with the alternative (HAZARDS.md T-84).
    pub fn unsupported(
        &mut self,
        fields: &mut Fields<'_>,
        name: &'static str,
        reason: Reason,
        remedy: &str,
    ) {
        let Some(node) = fields.take(name) else {
            return;
        };
        if is_unset(node) {
            return;
        }
        let path = fields.path_of(name);
        let problem = self.refuse(
            reason,
            node.span.line,
            &path,
            format!("`{name}` is not supported"),
        );
        problem.remedy = Some(remedy.to_owned());
    }

    /// Accepts a field that has no effect here, and says so.
    pub fn without_effect(&mut self, fields: &mut Fields<'_>, name: &'static str, why: &str) {
        if let Some(node) = fields.take(name).filter(|node| !is_unset(node)) {
            let path = fields.path_of(name);
            self.warn(
                Reason::NotSupported,
                node.span.line,
                &path,
                format!("`{name}` has no effect: {why}"),
            );
        }
    }
}

/// `path.name`, or `name` at the top; a name with a dot is quoted.
#[must_use]
pub fn child(path: &str, name: &str) -> String {
    let name = if name.contains(['.', '/', '[']) {
        format!("[\"{name}\"]")
    } else if path.is_empty() {
        return name.to_owned();
    } else {
        format!(".{name}")
    };
    format!("{path}{name}")
}

fn is_unset(node: &Node) -> bool {
    node.is_null()
        || node.as_bool() == Some(false)
        || node.as_str() == Some("")
        || node.as_list().is_some_and(<[Node]>::is_empty)
        || node.as_map().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_model::{Budgets, yaml};

    fn decoder() -> Decoder {
        Decoder::new("x.yaml", Reason::InvalidField)
    }

    fn node(text: &str) -> Node {
        yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0)
    }

    #[test]
    fn an_unknown_field_names_its_line_and_the_closest_known_one() {
        let mut decoder = decoder();
        let node = node("name: a\nlables: {}\n");
        let mut fields = decoder.fields(&node, "spec");
        decoder.text(&mut fields, "name");
        decoder.text_map(&mut fields, "labels");
        decoder.finish(fields);
        let (problems, _) = decoder.into_problems();
        assert_eq!(
            problems[0].to_string(),
            "x.yaml:2: unknown field `lables` [InvalidField]\n  field: spec.lables\n  help: did you mean `labels`?"
        );
    }

    #[test]
    fn every_problem_is_reported_not_only_the_first() {
        let mut decoder = decoder();
        let node = node("name: 1\nflag: maybe\nlist: {}\n");
        let mut fields = decoder.fields(&node, "");
        decoder.text(&mut fields, "name");
        decoder.bool(&mut fields, "flag");
        decoder.texts(&mut fields, "list");
        decoder.finish(fields);
        assert_eq!(decoder.into_problems().0.len(), 3);
    }
}
