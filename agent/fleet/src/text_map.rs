//! Small mappings of texts that thousands of clusters have: in one piece, and every text kept once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

/// Texts by name, sorted by name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TextMap(Arc<[(Arc<str>, Arc<str>)]>);

impl TextMap {
    /// The text of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(key, _)| (**key).cmp(name)).ok()?;
        self.0.get(found).map(|(_, text)| &**text)
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, text)| (&**key, &**text))
    }

    /// The same, to be kept elsewhere.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.0.iter()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy with one text more, or another.
    #[must_use]
    pub(crate) fn with(&self, name: Arc<str>, text: Arc<str>) -> Self {
        let mut all = self.0.to_vec();
        match all.binary_search_by(|(key, _)| key.cmp(&name)) {
            Ok(found) => all[found].1 = text,
            Err(place) => all.insert(place, (name, text)),
        }
        Self(all.into())
    }

    /// A copy that can be changed.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let own = |(key, text): (&str, &str)| (key.to_owned(), text.to_owned());
        self.iter().map(own).collect()
    }
}

impl From<BTreeMap<String, String>> for TextMap {
    fn from(map: BTreeMap<String, String>) -> Self {
        Texts::default().map(map)
    }
}

impl fmt::Debug for TextMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// For the defaults in the JSON Schema.
impl Serialize for TextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl JsonSchema for TextMap {
    fn inline_schema() -> bool {
        BTreeMap::<String, String>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, String>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

/// Texts that are there once, however many clusters have them.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeSet<Arc<str>>);

impl Texts {
    /// The text, kept once.
    pub(crate) fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    /// The mapping, its texts kept once.
    pub(crate) fn map(&mut self, map: BTreeMap<String, String>) -> TextMap {
        if map.is_empty() {
            return TextMap::default();
        }
        let own = |(key, text): (String, String)| (self.one(&key), self.one(&text));
        TextMap(map.into_iter().map(own).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_names_are_found() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
            pairs.iter().map(own).collect()
        };
        let mut texts = Texts::default();
        let one = texts.map(map(&[("env", "prod"), ("area", "eu")]));
        let two = texts.map(map(&[("env", "prod")]));
        assert!(Arc::ptr_eq(&one.0[1].1, &two.0[0].1));
        assert_eq!(
            (one.get("env"), one.get("area"), one.get("zone")),
            (Some("prod"), Some("eu"), None)
        );
        let more = two
            .with("area".into(), "us".into())
            .with("env".into(), "lab".into());
        assert_eq!(format!("{more:?}"), r#"{"area": "us", "env": "lab"}"#);
        assert_eq!(more.to_map(), map(&[("area", "us"), ("env", "lab")]));
    }
}
