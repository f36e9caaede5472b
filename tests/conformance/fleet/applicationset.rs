//! Argo CD's tables of generators, templates and values.

use std::collections::BTreeMap;
use std::path::Path;

use muster_fleet::decode::{Decoder, Strings};
use muster_fleet::failure::Failure;
use muster_fleet::generator::{
    Depth, Generator, GitSource, IN_CLUSTER_SERVER, Listing, Member, Members, Scene,
    interpolate_values,
};
use muster_fleet::params::{self, Params};
use muster_fleet::template::{Language, Renderer};
use muster_fleet::text_map::TextMap;
use muster_model::{Map, Node, Reason, json};

use crate::corpus::{Case, Corpus, Outcome};

/// One corpus for each file that holds rows.
pub(crate) fn corpora(folder: &Path) -> Vec<Corpus> {
    let mut corpora = Vec::new();
    for path in super::files_below(folder) {
        let Ok(documents) = super::documents(&path) else {
            continue;
        };
        let rows = documents.iter().filter_map(Node::as_list).flatten();
        let cases: Vec<Case> = rows
            .filter(|row| row.get("name").is_some())
            .map(case)
            .collect();
        if !cases.is_empty() {
            let file = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("applicationset/{file}");
            corpora.push(Corpus { name, cases });
        }
    }
    corpora
}

fn case(row: &Node) -> Case {
    let row = row.clone();
    Case {
        name: row.str_at(&["name"]).unwrap_or("unnamed").to_owned(),
        run: Box::new(move || run(&row)),
    }
}

fn run(row: &Node) -> Outcome {
    if row.get("generator").is_some() {
        check(row, generate(row))
    } else if row.get("values").is_some() {
        check(row, interpolate(row).map(|params| vec![params]))
    } else if row.get("template").is_some() {
        render(row)
    } else {
        Outcome::Refused("the row is neither a generator, a template nor values".to_owned())
    }
}

fn expects_error(row: &Node) -> bool {
    row.get("expectError").is_some_and(|error| !error.is_null())
}

/// Compares generated parameters with what the row expects.
fn check(row: &Node, got: Result<Vec<Params>, String>) -> Outcome {
    let got = match got {
        Ok(params) if expects_error(row) => {
            return Outcome::Wrong(format!("expected an error, got {}", show(&params)));
        }
        Ok(params) => params,
        Err(_) if expects_error(row) => return Outcome::Exact,
        Err(error) => return Outcome::Refused(error),
    };
    let expected = match row.get("expectParams") {
        Some(node) if node.as_map().is_some() => vec![to_params(node)],
        Some(node) => node
            .as_list()
            .unwrap_or_default()
            .iter()
            .map(to_params)
            .collect(),
        None => Vec::new(),
    };
    let ordered = row.str_at(&["compare"]) != Some("unordered");
    let (got, expected) = (canonical(&got, ordered), canonical(&expected, ordered));
    if got == expected {
        return Outcome::Exact;
    }
    let (expected, got) = (
        expected.join(
            "
  ",
        ),
        got.join(
            "
  ",
        ),
    );
    Outcome::Wrong(format!(
        "expected
  {expected}
got
  {got}"
    ))
}

/// One text for each parameter set; without order, lists of mappings inside are sorted as well.
fn canonical(params: &[Params], ordered: bool) -> Vec<String> {
    let text = |params: &Params| {
        let mut node = params::to_node(&params::map(params.clone()));
        if !ordered {
            sort_lists(&mut node);
        }
        json::to_canonical(&node)
    };
    let mut texts: Vec<String> = params.iter().map(text).collect();
    if !ordered {
        texts.sort();
    }
    texts
}

fn sort_lists(node: &mut Node) {
    if let Some(items) = node.as_list_mut() {
        items.iter_mut().for_each(sort_lists);
        items.sort_by_key(json::to_canonical);
    }
    if let Some(map) = node.as_map_mut() {
        for (_, value) in map.iter_mut() {
            sort_lists(value);
        }
    }
}

fn show(params: &[Params]) -> String {
    canonical(params, true).join(", ")
}

fn to_params(node: &Node) -> Params {
    node.as_map().map(params::from_map).unwrap_or_default()
}

fn language(row: &Node) -> Result<Language, String> {
    let options: Vec<String> = row
        .get("goTemplateOptions")
        .and_then(Node::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(|option| option.as_str().map(ToOwned::to_owned))
        .collect();
    let go = row.get("goTemplate").and_then(Node::as_bool) == Some(true);
    Language::of(go, &options)
}

fn generate(row: &Node) -> Result<Vec<Params>, String> {
    let node = row.get("generator").ok_or("no generator")?;
    let mut decoder = Decoder::new("row", Reason::InvalidField).strings(Strings::Templated);
    let generator = Generator::read(&mut decoder, node, "generator", Depth::Top);
    let (problems, _) = decoder.into_problems();
    if !problems.is_empty() {
        return Err(format!("{problems:?}"));
    }
    let members = members(row.get("clusters"));
    let given: Option<Vec<Params>> = row
        .get("mockedGitParams")
        .and_then(Node::as_list)
        .map(|items| items.iter().map(to_params).collect());
    let repo = row.get("repo").filter(|repo| !repo.is_null());
    if reads_git(node) && given.is_none() && !repo.is_some_and(is_readable) {
        return Err("the repository cannot be read".to_owned());
    }
    let listing = listing(repo);
    let mut scene = Scene {
        members: &members,
        git: given
            .as_deref()
            .map_or(GitSource::Listing(&listing), GitSource::Given),
        language: language(row)?,
        renderer: &mut Renderer::new(),
    };
    let generated = generator.transform(&mut scene).map_err(explain)?;
    Ok(generated.iter().flat_map(|g| g.params.iter()).collect())
}

fn explain(failure: Failure) -> String {
    match failure {
        Failure::NotFetched(ids) => format!("not fetched: {ids:?}"),
        Failure::Refused(problems) => problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// True when a generator in the node is the Git generator.
fn reads_git(node: &Node) -> bool {
    let items = node.as_list().unwrap_or_default().iter();
    let members = node.as_map().into_iter().flat_map(Map::iter);
    items.into_iter().any(reads_git)
        || members
            .into_iter()
            .any(|(key, value)| (key == "git" && value.as_map().is_some()) || reads_git(value))
}

fn is_readable(repo: &Node) -> bool {
    ["directories", "files"]
        .iter()
        .any(|part| repo.get(part).is_some_and(|part| !part.is_null()))
}

/// What the Git generator sees: `directories`, a list, and `files`, contents by path.
fn listing(repo: Option<&Node>) -> Listing {
    let part = |name: &str| repo.and_then(|repo| repo.get(name));
    let content = |node: &Node| match node.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => json::to_string(node).into_bytes(),
    };
    Listing {
        directories: part("directories")
            .and_then(Node::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item.as_str().map(ToOwned::to_owned))
            .collect(),
        files: part("files")
            .and_then(Node::as_map)
            .map(|map| {
                map.iter()
                    .map(|(path, node)| (path.to_owned(), content(node)))
                    .collect()
            })
            .unwrap_or_default(),
    }
}

/// Cluster Secrets of Argo CD as members.
pub(crate) fn members(secrets: Option<&Node>) -> Members {
    let secrets = secrets.and_then(Node::as_list).unwrap_or_default();
    Members::given(secrets.iter().map(member).collect(), true)
}

fn member(secret: &Node) -> Member {
    let data = |name: &str| secret.str_at(&["stringData", name]).unwrap_or_default();
    let texts = |name: &str| {
        let map = secret.at_path(&["metadata", name]).and_then(Node::as_map);
        text_map(map)
    };
    Member {
        name: data("name").into(),
        server: Some(data("server"))
            .filter(|server| !server.is_empty())
            .unwrap_or(IN_CLUSTER_SERVER)
            .into(),
        project: data("project").into(),
        labels: texts("labels").into(),
        annotations: texts("annotations").into(),
        values: TextMap::default(),
    }
}

/// The texts of a mapping.
pub(crate) fn text_map(map: Option<&Map>) -> BTreeMap<String, String> {
    map.into_iter()
        .flat_map(Map::iter)
        .map(|(key, value)| (key.to_owned(), value.raw_scalar().unwrap_or_default()))
        .collect()
}

fn interpolate(row: &Node) -> Result<Params, String> {
    let mut params = row.get("params").map(to_params).unwrap_or_default();
    let values = text_map(row.get("values").and_then(Node::as_map));
    let mut scene = Scene {
        members: &Members::default(),
        git: GitSource::Given(&[]),
        language: language(row)?,
        renderer: &mut Renderer::new(),
    };
    interpolate_values(&values, &mut params, &mut scene).map_err(explain)?;
    Ok(params)
}

fn render(row: &Node) -> Outcome {
    let template = row.get("template").cloned().unwrap_or_default();
    let params = row.get("params").map(to_params).unwrap_or_default();
    let language = match language(row) {
        Ok(language) => language,
        Err(error) => return Outcome::Refused(error),
    };
    match Renderer::new().node(language, &template, &params) {
        Ok(node) if expects_error(row) => {
            Outcome::Wrong(format!("expected an error, got {node:?}"))
        }
        Ok(node) if row.get("expect") == Some(&node) => Outcome::Exact,
        Ok(node) => Outcome::Wrong(format!("expected {:?}, got {node:?}", row.get("expect"))),
        Err(_) if expects_error(row) => Outcome::Exact,
        Err(error) => Outcome::Refused(error.to_string()),
    }
}
