//! Plain manifests: every YAML and JSON file of a directory.

use muster_model::tree::EntryKind;
use muster_model::{Location, Node, Problem, Reason, RepoPath, Value};
use regex::Regex;

use crate::explain;
use crate::failure::{Step, Stop, failed};
use crate::id::field_text;
use crate::session::{Reading, Session};
use crate::transform::patches::yaml_1_1;

/// Whether directories below are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recurse {
    /// Only the directory itself.
    #[default]
    No,
    /// Everything below.
    Yes,
}

/// `spec.source.directory` of an Application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Whether directories below are read too.
    pub recurse: Recurse,
    /// A glob over paths below the directory; empty: all.
    pub include: String,
    /// A glob over paths below the directory that are left out; empty: none.
    pub exclude: String,
    /// Files are taken whatever their extension.
    pub any_extension: bool,
}

/// A file with this text is left out, as in Argo CD.
const SKIP_MARK: &[u8] = b"+argocd:skip-file-rendering";
/// Deepest nesting of directories that is read.
const MAX_DEPTH: usize = 64;

/// The objects of the directory's files, in the order of their paths.
pub(crate) fn read(
    session: &mut Session<'_>,
    dir: &RepoPath,
    options: &Directory,
) -> Step<Vec<Node>> {
    let filter = Filter {
        include: glob(&options.include)?,
        exclude: glob(&options.exclude)?,
    };
    let mut files = Vec::new();
    find(session, dir, "", options, 0, &mut files)?;
    let mut nodes = Vec::new();
    let mut missing = false;
    for (path, below) in files {
        if !filter.passes(&below) {
            continue;
        }
        match read_file(session, &path) {
            Ok(more) => {
                session.count_objects(more.len())?;
                if session.explains {
                    let file = path.to_string();
                    let read = more.iter().map(|node| explain::of_file(node, &file));
                    session.explained.extend(read);
                }
                nodes.extend(more);
            }
            Err(Stop::Missing) => missing = true,
            Err(_) if missing => {}
            Err(stop) => return Err(stop.or_at(|| Location::file(path.to_string()))),
        }
    }
    if missing {
        Err(Stop::Missing)
    } else {
        Ok(nodes)
    }
}

struct Filter {
    include: Option<Regex>,
    exclude: Option<Regex>,
}

impl Filter {
    fn passes(&self, below: &str) -> bool {
        self.exclude.as_ref().is_none_or(|g| !g.is_match(below))
            && self.include.as_ref().is_none_or(|g| g.is_match(below))
    }
}

fn find(
    session: &mut Session<'_>,
    dir: &RepoPath,
    below: &str,
    options: &Directory,
    depth: usize,
    files: &mut Vec<(RepoPath, String)>,
) -> Step<()> {
    if depth > MAX_DEPTH {
        return Err(Problem::new(
            Reason::DepthLimit,
            format!("{dir} lies deeper than {MAX_DEPTH} directories"),
        )
        .into());
    }
    for (name, kind) in session.list(dir)? {
        let path = dir.child(&name);
        let below = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        match (kind, options.recurse) {
            (EntryKind::Tree, Recurse::Yes) => {
                find(session, &path, &below, options, depth + 1, files)?;
            }
            (EntryKind::Tree, Recurse::No) => {}
            (EntryKind::Blob | EntryKind::Symlink, _)
                if options.any_extension || is_manifest(&name) =>
            {
                files.push((path, below));
            }
            (EntryKind::Blob | EntryKind::Symlink | EntryKind::Submodule, _) => {}
        }
    }
    Ok(())
}

fn is_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json", ".jsonnet"]
        .iter()
        .any(|end| name.ends_with(end))
}

fn read_file(session: &mut Session<'_>, path: &RepoPath) -> Step<Vec<Node>> {
    let name = path.to_string();
    let (_, bytes) = session.read(path)?;
    if bytes.windows(SKIP_MARK.len()).any(|w| w == SKIP_MARK) {
        return Ok(Vec::new());
    }
    if name.ends_with(".jsonnet") {
        return Err(
            Problem::new(Reason::NotSupported, "Jsonnet is not evaluated")
                .at(Location::file(name))
                .remedy("render it in CI and commit the result, or exclude the file")
                .into(),
        );
    }
    let documents = match session.parse(&bytes, &name, Reading::Values) {
        Ok(documents) => documents,
        Err(stop) if looks_like_manifest(&bytes) => return Err(stop),
        Err(Stop::Refused(problem)) if problem.reason == Reason::InvalidYaml => {
            return Ok(Vec::new());
        }
        Err(stop) => return Err(stop),
    };
    if documents.iter().all(|d| d.get("kind").is_none()) && !looks_like_manifest(&bytes) {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    for mut document in documents {
        yaml_1_1(&mut document, &bytes);
        open_list(document, &name, &mut out)?;
    }
    Ok(out)
}

/// True when a file that is no valid manifest was surely meant to be one.
fn looks_like_manifest(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    ["apiVersion:", "kind:", "metadata:"]
        .iter()
        .all(|key| text.contains(key))
}

/// A list gives its items, however deep lists are nested.
fn open_list(mut node: Node, file: &str, out: &mut Vec<Node>) -> Step<()> {
    let is_list = field_text(&node, "kind").ends_with("List")
        && node.get("items").is_some_and(|i| i.as_list().is_some());
    if is_list {
        let items = node
            .as_map_mut()
            .and_then(|m| m.remove("items"))
            .map(|n| n.value);
        if let Some(Value::List(items)) = items {
            return items
                .into_iter()
                .try_for_each(|item| open_list(item, file, out));
        }
    }
    let line = node.span.line;
    muster_model::Manifest::new(node.clone()).map_err(|p| p.at(Location::line(file, line)))?;
    out.push(node);
    Ok(())
}

/// A glob as Argo CD matches it: `*` also crosses slashes, `{a,b}` are alternatives, `[a-z]` classes.
fn glob(pattern: &str) -> Step<Option<Regex>> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let mut out = String::from("^(?s:");
    let mut depth = 0usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                while chars.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                for c in chars.by_ref() {
                    if c == '\\' || c == '[' {
                        out.push('\\');
                    }
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '\\' => out.extend(
                chars
                    .next()
                    .map(|c| regex::escape(&c.to_string()))
                    .into_iter()
                    .flat_map(|s| s.chars().collect::<Vec<_>>()),
            ),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    out.push_str(")$");
    match Regex::new(&out) {
        Ok(regex) => Ok(Some(regex)),
        Err(_) => {
            let mut problem =
                failed(format!("{pattern:?} is not a glob")).field("spec.source.directory");
            problem.reason = Reason::InvalidField;
            Err(problem.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_argo_cd() {
        let matches = |pattern: &str, text: &str| {
            glob(pattern)
                .expect("a glob")
                .is_none_or(|g| g.is_match(text))
        };
        assert!(
            matches("*.yaml", "a/b.yaml") && matches("{a,b}/*.yml", "b/x.yml") && matches("", "x")
        );
        assert!(
            !matches("*.yaml", "a.yml") && !matches("a.yaml", "aXyaml") && !matches("[!a]*", "ab")
        );
    }
}
