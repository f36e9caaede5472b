//! kustomize's own test suite and real repositories, against `kustomize build` 5.8.1.

use std::path::{Path, PathBuf};

use muster_kustomize::{Failure, LoadRestrictor, Options, Reorder, build};
use muster_model::{Budgets, RepoPath, yaml};
use muster_tests::disk::DiskTree;
use serde::Deserialize;

use crate::corpus::{Case, Corpus, Outcome, folders};

/// `krusty*/manifest.json`: a list of these.
#[derive(Debug, Clone, Deserialize)]
struct KrustyCase {
    name: String,
    build_path: String,
    expect: String,
    #[serde(default)]
    reorder: String,
    #[serde(default)]
    load_restrictor: String,
}

/// `trees/*/manifest.json`.
#[derive(Debug, Deserialize)]
struct TreeManifest {
    targets: Vec<TreeTarget>,
}

#[derive(Debug, Deserialize)]
struct TreeTarget {
    build_path: String,
    expected: String,
}

/// Every folder of the two formats.
pub fn corpora(root: &Path) -> Vec<Corpus> {
    let kustomize = root.join("kustomize");
    let krusty = folders(&kustomize)
        .into_iter()
        .filter(|(name, _)| name.starts_with("krusty"));
    let trees = folders(&kustomize.join("trees")).into_iter();
    krusty
        .map(|(name, path)| krusty_corpus(&name, &path))
        .chain(trees.map(|(name, path)| tree_corpus(&name, &path)))
        .collect()
}

fn krusty_corpus(name: &str, path: &Path) -> Corpus {
    let rows: Vec<KrustyCase> = read_json(&path.join("manifest.json"));
    let orders = [
        (Reorder::None, "unordered", "expected.yaml"),
        (Reorder::Legacy, "default", "expected.build.yaml"),
    ];
    let cases = rows
        .into_iter()
        .flat_map(|row| {
            orders.map(|(reorder, order, expected)| {
                krusty_case(path, row.clone(), reorder, order, expected)
            })
        })
        .collect();
    Corpus {
        name: format!("kustomize/{name}"),
        cases,
    }
}

fn krusty_case(
    path: &Path,
    row: KrustyCase,
    reorder: Reorder,
    order: &str,
    expected: &str,
) -> Case {
    let folder = path.join("case").join(&row.name);
    let expected = folder.join(expected);
    let options = Options {
        reorder: if row.reorder == "legacy" {
            Reorder::Legacy
        } else {
            reorder
        },
        load_restrictor: if row.load_restrictor == "none" {
            LoadRestrictor::None
        } else {
            LoadRestrictor::RootOnly
        },
        ..Options::default()
    };
    Case {
        name: format!("{} ({order})", row.name),
        run: Box::new(move || {
            let built = run(&folder.join("input"), &row.build_path, &options);
            if row.expect == "error" {
                return match built {
                    Err(_) => Outcome::Exact,
                    Ok(_) => Outcome::Wrong("built where an error is expected".to_owned()),
                };
            }
            score(built, &expected)
        }),
    }
}

fn tree_corpus(name: &str, path: &Path) -> Corpus {
    let manifest: TreeManifest = read_json(&path.join("manifest.json"));
    let cases = manifest
        .targets
        .into_iter()
        .map(|target| {
            let (input, expected) = (path.join("input"), path.join(&target.expected));
            Case {
                name: target.build_path.clone(),
                run: Box::new(move || {
                    score(
                        run(&input, &target.build_path, &Options::default()),
                        &expected,
                    )
                }),
            }
        })
        .collect();
    Corpus {
        name: format!("kustomize/trees/{name}"),
        cases,
    }
}

fn run(input: &Path, dir: &str, options: &Options) -> Result<String, Failure> {
    let dir = RepoPath::new(dir).expect("a manifest names plain paths");
    build(&DiskTree::new(input), &dir, options).map(|built| built.to_yaml())
}

fn score(built: Result<String, Failure>, expected: &PathBuf) -> Outcome {
    let expected =
        std::fs::read_to_string(expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
    match built {
        Ok(text) if text == expected => Outcome::Exact,
        Ok(text) => {
            let difference = first_difference(&expected, &text);
            if documents(&text) == documents(&expected) {
                Outcome::Equal(difference)
            } else {
                Outcome::Wrong(difference)
            }
        }
        Err(Failure::Refused(problem)) => Outcome::Refused(problem.to_string()),
        Err(Failure::NotFetched(blobs)) => {
            Outcome::Crashed(format!("{} blobs not fetched from a disk", blobs.len()))
        }
    }
}

fn documents(text: &str) -> Option<Vec<muster_model::Node>> {
    yaml::read(text.as_bytes(), &Budgets::default(), 0).ok()
}

fn first_difference(expected: &str, got: &str) -> String {
    let mut pairs = expected.lines().zip(got.lines()).enumerate();
    match pairs.find(|(_, (a, b))| a != b) {
        Some((line, (a, b))) => format!("line {}: expected {a:?}, got {b:?}", line + 1),
        None => format!(
            "expected {} lines, got {}",
            expected.lines().count(),
            got.lines().count()
        ),
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
