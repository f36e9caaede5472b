//! What Argo CD's own code answers.

use serde::Deserialize;
use serde_json::Value;

/// What an ApplicationSet came to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Answer {
    /// Why it cannot be read at all.
    #[serde(default)]
    pub error: String,
    /// One for each entry of `generators`.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

/// What one entry of `generators` came to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Entry {
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub results: Option<Vec<Generated>>,
}

/// What one kind of an entry came to: sets of parameters, and an Application for each.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Generated {
    pub params: Vec<Value>,
    pub applications: Vec<Rendered>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Rendered {
    #[serde(default)]
    pub error: String,
    #[serde(default)]
    pub application: Value,
}

impl Answer {
    /// True when there is no Application, and no error either.
    pub fn is_empty(&self) -> bool {
        let results = self.entries.iter().flat_map(|entry| &entry.results);
        results
            .flatten()
            .all(|result| result.applications.is_empty())
    }

    /// The first error anywhere.
    pub fn first_error(&self) -> Option<&str> {
        let entries = self.entries.iter().flat_map(|entry| {
            let results = entry.results.iter().flatten();
            let rendered = results.flat_map(|result| &result.applications);
            std::iter::once(&entry.error).chain(rendered.map(|rendered| &rendered.error))
        });
        let mut all = std::iter::once(&self.error).chain(entries);
        all.find(|error| !error.is_empty()).map(String::as_str)
    }
}
