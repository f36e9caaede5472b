//! The shape of the code, checked: which crate may know which, what a pure crate may not touch, and how small the
//! program's entry stays. DESIGN.md section 10.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates whose functions are values in, values out.
const PURE: [&str; 7] = [
    "model",
    "fleet",
    "kustomize",
    "sync",
    "rollout",
    "status",
    "engine",
];

/// Lines of `agent/src/main.rs` at most: it parses arguments and hands over.
const MAIN_LINES: usize = 40;

/// Lines of any source file at most. Past that a file holds more than one concept.
const FILE_LINES: usize = 700;

/// A second TLS provider, or a C one.
const FOREIGN_TLS: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl",
    "openssl-sys",
    "native-tls",
];

/// The arrows of DESIGN.md section 10, each crate with everything it may depend on within the workspace.
fn allowed_edges() -> BTreeMap<String, BTreeSet<String>> {
    let leaves = ["fleet", "kustomize", "sync", "rollout", "status"];
    let mut edges = BTreeMap::from([("muster-model".to_owned(), BTreeSet::new())]);
    for leaf in leaves.into_iter().chain(["git", "kube"]) {
        edges.insert(member(leaf), BTreeSet::from([member("model")]));
    }
    let decided = leaves.into_iter().chain(["model"]).map(member).collect();
    edges.insert(member("engine"), decided);
    let all: BTreeSet<String> = PURE
        .into_iter()
        .chain(["git", "kube"])
        .map(member)
        .collect();
    edges.insert("muster".to_owned(), all.clone());
    let with_shell = all.into_iter().chain(["muster".to_owned()]).collect();
    edges.insert("muster-tests".to_owned(), with_shell);
    edges
}

fn member(name: &str) -> String {
    format!("muster-{name}")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn metadata(args: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked"])
        .args(args)
        .current_dir(root())
        .output()
        .expect("because cargo runs this test");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {problem}");
    serde_json::from_slice(&output.stdout).expect("because cargo prints JSON")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Every `*.rs` below a directory of the repository.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("because the directory is in the repository") {
        let path = entry.expect("because the directory is readable").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn crates_depend_on_each_other_as_the_design_says_and_no_further() {
    let metadata = metadata(&["--no-deps", "--offline"]);
    let mut edges = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        let inside = list(&package["dependencies"])
            .filter(|dependency| dependency["path"].is_string())
            .map(|dependency| text(dependency, "name").to_owned());
        edges.insert(
            text(package, "name").to_owned(),
            inside.collect::<BTreeSet<_>>(),
        );
    }
    assert_eq!(edges, allowed_edges());
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace_and_they_forbid_unsafe_code() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for package in list(&metadata(&["--no-deps", "--offline"])["packages"]) {
        let manifest = text(package, "manifest_path");
        let manifest = fs::read_to_string(manifest).expect("because cargo has just read it");
        // The tests have a table of their own: they print and panic. Unsafe code is forbidden there too.
        let takes_lints = if text(package, "name") == "muster-tests" {
            manifest.contains("unsafe_code = \"forbid\"")
        } else {
            manifest.contains("[lints]\nworkspace = true")
        };
        assert!(takes_lints, "{}", text(package, "name"));
    }
}

#[test]
fn every_pure_crate_bans_clocks_files_environment_threads_and_randomness() {
    let banned = read("agent/model/clippy.toml");
    for name in [
        "std::time::Instant::now",
        "std::env::var",
        "std::fs::read",
        "std::thread::spawn",
        "std::collections::HashMap",
    ] {
        assert!(banned.contains(name), "{name} is not banned");
    }
    for name in PURE {
        let path = format!("agent/{name}/clippy.toml");
        assert_eq!(read(&path), banned, "{path} differs from the model's");
    }
}

#[test]
fn pure_crates_see_no_runtime_client_or_logging() {
    let metadata = metadata(&["--no-deps", "--offline"]);
    let shell_only = [
        "tokio", "gix", "kube", "reqwest", "rustls", "tracing", "rand", "axum",
    ];
    let pure: BTreeSet<String> = PURE.into_iter().map(member).collect();
    for package in list(&metadata["packages"]) {
        if !pure.contains(text(package, "name")) {
            continue;
        }
        for dependency in list(&package["dependencies"]) {
            // What a crate's own tests use is not in the binary.
            let in_binary = dependency["kind"].is_null();
            let name = text(dependency, "name");
            assert!(
                !(in_binary && shell_only.contains(&name)),
                "{} depends on {name}",
                text(package, "name")
            );
        }
    }
}

#[test]
fn there_is_one_tls_provider() {
    // The platform the tests run on: other platforms' packages may not have been downloaded.
    let host = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .output();
    let host = String::from_utf8(host.expect("because rustc built this test").stdout);
    let host = host.expect("because a target's name is ASCII");
    let metadata = metadata(&["--offline", "--filter-platform", host.trim()]);
    let used: BTreeSet<&str> = list(&metadata["resolve"]["nodes"])
        .map(|node| text(node, "id"))
        .collect();
    let names: BTreeSet<&str> = list(&metadata["packages"])
        .filter(|package| used.contains(text(package, "id")))
        .map(|package| text(package, "name"))
        .collect();
    assert!(names.contains("ring"), "ring is the provider");
    let foreign: Vec<_> = FOREIGN_TLS
        .into_iter()
        .filter(|name| names.contains(name))
        .collect();
    assert_eq!(foreign, Vec::<&str>::new());
}

#[test]
fn the_program_starts_in_a_few_lines_and_no_file_is_a_heap() {
    let lines = read("agent/src/main.rs").lines().count();
    assert!(
        lines <= MAIN_LINES,
        "agent/src/main.rs has {lines} lines, at most {MAIN_LINES}"
    );
    let mut heaps = Vec::new();
    for dir in ["agent", "tests"] {
        for path in sources(&root().join(dir)) {
            let source = fs::read_to_string(&path).expect("because it was just listed");
            let lines = source.lines().count();
            if lines > FILE_LINES {
                heaps.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    assert_eq!(heaps, Vec::<String>::new(), "split these by concept");
}

/// Every difference from Argo CD that the README names has tests; this looks whether they are still there.
#[test]
fn the_tests_that_the_readme_names_exist() {
    let readme = read("README.md");
    let table = readme
        .split_once("| difference | tests |")
        .and_then(|(_, rest)| rest.split_once("\n\n"))
        .map(|(table, _)| table)
        .expect("because the README has the table");
    let rows = table.lines().filter_map(|row| row.rsplit_once(" | "));
    let rows: Vec<&str> = rows.map(|(_, tests)| tests).collect();
    assert!(rows.len() > 10, "{rows:?}");
    let named = rows
        .iter()
        .flat_map(|row| row.split('`').skip(1).step_by(2));
    let sources = ["agent", "tests"].map(|dir| sources(&root().join(dir)));
    let sources: Vec<String> = sources
        .iter()
        .flatten()
        .map(|path| fs::read_to_string(path).expect("because it was just listed"))
        .collect();
    let is_there = |name: &str| {
        let function = format!("fn {name}(");
        root().join("tests/cases").join(name).is_dir()
            || sources.iter().any(|source| source.contains(&function))
    };
    let missing: Vec<&str> = named.filter(|name| !is_there(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
