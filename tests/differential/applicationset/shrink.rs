//! A finding made as small as it gets: members, elements and parts of texts taken away while both still disagree in the
//! same way.

use serde_json::Value;

use super::compare::compare;
use super::generate::Case;
use crate::process::Oracle;
use crate::run::Verdict;

/// The smallest case found with the same verdict.
pub fn shrink(oracle: &mut Oracle, case: Case, verdict: &Verdict) -> Case {
    let mut small = case;
    loop {
        let before = small.shown().len();
        for smaller in candidates(&small) {
            let Some(smaller) = smaller.of(&small) else {
                continue;
            };
            if compare(oracle, &smaller).verdict == *verdict {
                small = smaller;
            }
        }
        if small.shown().len() >= before {
            return small;
        }
    }
}

/// One way to make a case smaller, told by a path that may be gone once it is its turn.
enum Change {
    /// A member or element taken away.
    Without(Vec<String>),
    /// The first, or the last, half of a text taken away, or a placeholder of it.
    Cut(Vec<String>, usize, usize),
    File(String),
    /// A file's lines, from one number up to another.
    Lines(String, usize, usize),
    Cluster(usize),
}

impl Change {
    fn of(&self, case: &Case) -> Option<Case> {
        let mut case = case.clone();
        match self {
            Self::Without(path) => {
                let (last, above) = path.split_last()?;
                let parent = at(&mut case.set, above)?;
                match parent {
                    Value::Object(map) => drop(map.remove(last)?),
                    Value::Array(items) => {
                        let index: usize = last.parse().ok()?;
                        if index >= items.len() {
                            return None;
                        }
                        items.remove(index);
                    }
                    _ => return None,
                }
            }
            Self::Cut(path, start, end) => {
                let Value::String(text) = at(&mut case.set, path)? else {
                    return None;
                };
                let (before, after) = (text.get(..*start)?, text.get(*end..)?);
                *text = format!("{before}{after}");
            }
            Self::File(path) => drop(case.files.remove(path)?),
            Self::Lines(path, start, end) => {
                let text = case.files.get_mut(path)?;
                let lines: Vec<&str> = text.lines().collect();
                let (before, after) = (lines.get(..*start)?, lines.get(*end..)?);
                *text = [before, after]
                    .concat()
                    .iter()
                    .map(|line| format!("{line}\n"))
                    .collect();
            }
            Self::Cluster(index) => {
                if *index >= case.clusters.len() {
                    return None;
                }
                case.clusters.remove(*index);
            }
        }
        Some(case)
    }
}

fn at<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn candidates(case: &Case) -> Vec<Change> {
    let mut found = Vec::new();
    found.extend((0..case.clusters.len()).rev().map(Change::Cluster));
    for (path, text) in &case.files {
        found.push(Change::File(path.clone()));
        let lines = text.lines().count();
        found.extend(
            (0..lines)
                .rev()
                .map(|line| Change::Lines(path.clone(), line, line + 1)),
        );
    }
    visit(&case.set, &mut Vec::new(), &mut found);
    found
}

fn visit(value: &Value, path: &mut Vec<String>, found: &mut Vec<Change>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => {
            let numbered = items.iter().enumerate().rev();
            numbered
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        Value::String(text) => {
            let middle = (0..=text.len() / 2)
                .rev()
                .find(|at| text.is_char_boundary(*at));
            let middle = middle.unwrap_or_default();
            found.push(Change::Cut(path.clone(), 0, middle));
            found.push(Change::Cut(path.clone(), middle, text.len()));
            for (start, _) in text.match_indices("{{") {
                if let Some(length) = text[start..].find("}}") {
                    found.push(Change::Cut(path.clone(), start, start + length + 2));
                }
            }
            for (start, word) in text.match_indices([' ', '|']) {
                found.push(Change::Cut(path.clone(), start, start + word.len()));
            }
            return;
        }
        _ => return,
    };
    for (key, child) in children {
        path.push(key);
        // What names the set stays.
        if !matches!(path[0].as_str(), "apiVersion" | "kind" | "metadata") {
            found.push(Change::Without(path.clone()));
            visit(child, path, found);
        }
        path.pop();
    }
}
