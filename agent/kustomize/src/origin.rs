//! Where an object comes from and what changed it, as `buildMetadata` asks to print.

use std::fmt::Write as _;

use muster_model::{Budgets, Node, yaml};

use crate::id::scalar_text;

/// One origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file, from the directory that is built.
    pub(crate) path: String,
    /// The file of the generator or transformer.
    pub(crate) configured_in: String,
    /// The generator or transformer: apiVersion, kind, name, namespace.
    pub(crate) configured_by: [String; 4],
}

const BY_FIELDS: [&str; 4] = ["apiVersion", "kind", "name", "namespace"];

impl Origin {
    /// The origin of a file below this directory.
    pub(crate) fn append(&self, path: &str) -> Self {
        Self {
            path: join(&self.path, path),
            ..self.clone()
        }
    }

    /// A built-in generator or transformer that a kustomization file configures.
    pub(crate) fn builtin(&self, file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            configured_in: join(&self.path, file),
            configured_by: [
                "builtin".to_owned(),
                kind.to_owned(),
                String::new(),
                String::new(),
            ],
        }
    }

    /// The annotation's text.
    pub(crate) fn to_yaml(&self) -> String {
        self.lines().concat()
    }

    /// The annotation's text for several.
    pub(crate) fn list_to_yaml(all: &[Self]) -> String {
        let mut out = String::new();
        for origin in all {
            for (index, line) in origin.lines().iter().enumerate() {
                let lead = if index == 0 { "- " } else { "  " };
                write!(out, "{lead}{line}").expect("because writing to a String cannot fail");
            }
        }
        out
    }

    /// Reads the annotation's text; what is no origin is an empty one.
    pub(crate) fn read(text: &str) -> Self {
        Self::of(&document(text))
    }

    /// Reads the annotation's text for several.
    pub(crate) fn read_list(text: &str) -> Vec<Self> {
        let document = document(text);
        let items = document.as_list().unwrap_or_default();
        items.iter().map(Self::of).collect()
    }

    fn of(node: &Node) -> Self {
        let text = |path: &[&str]| {
            let found = node.at_path(path);
            found.map_or_else(String::new, |n| scalar_text(n).into_owned())
        };
        Self {
            path: text(&["path"]),
            configured_in: text(&["configuredIn"]),
            configured_by: BY_FIELDS.map(|field| text(&["configuredBy", field])),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, value) in [("path", &self.path), ("configuredIn", &self.configured_in)] {
            if !value.is_empty() {
                lines.push(format!("{key}: {}\n", plain(value)));
            }
        }
        if self.configured_by.iter().any(|v| !v.is_empty()) {
            lines.push("configuredBy:\n".to_owned());
            for (key, value) in BY_FIELDS.iter().zip(&self.configured_by) {
                if !value.is_empty() {
                    lines.push(format!("  {key}: {}\n", plain(value)));
                }
            }
        }
        lines
    }
}

fn document(text: &str) -> Node {
    let documents = yaml::read(text.as_bytes(), &Budgets::default(), 0);
    documents
        .ok()
        .and_then(|all| all.into_iter().next())
        .unwrap_or_default()
}

/// The text as YAML prints it.
fn plain(text: &str) -> String {
    let node = Node::string(text);
    yaml::to_string(&node).trim_end_matches('\n').to_owned()
}

/// Joins and cleans a path as `filepath.Join` does: `..` may lead out.
fn join(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}
