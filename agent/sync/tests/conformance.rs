//! Runs the health corpora, read in place; where they are absent every test says so and passes.

use std::path::{Path, PathBuf};

use muster_model::{Budgets, Node, yaml};
use muster_sync::health::{assess, assess_builtin};

fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MUSTER_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    let folder = root.join("health").join(name);
    if folder.is_dir() {
        Some(folder)
    } else {
        println!("SKIPPED: {} is not there", folder.display());
        None
    }
}

fn documents(path: &Path) -> Vec<Node> {
    let mut text = std::fs::read_to_string(path).expect("a readable case");
    loop {
        match yaml::read(text.as_bytes(), &Budgets::default(), 0) {
            Ok(documents) => return documents,
            Err(error) => text = without_repeated_key(&text, error.line() as usize - 1),
        }
    }
}

/// Live objects arrive as JSON, where the last of two equal keys wins; one case of the corpus relies on it. Takes the
/// block of the first of the two away.
fn without_repeated_key(text: &str, second: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let depth = indent(lines[second]);
    let first = (0..second)
        .rev()
        .find(|&i| lines[i] == lines[second])
        .expect("a repeated key");
    let end = (first + 1..second)
        .find(|&i| indent(lines[i]) <= depth)
        .unwrap_or(second);
    [&lines[..first], &lines[end..]].concat().join("\n")
}

fn cases(folder: &Path) -> Vec<(String, Option<String>, Node)> {
    let manifest = documents(&folder.join("manifest.yaml"));
    let rows = manifest[0].as_list().expect("a list of cases");
    rows.iter()
        .map(|row| {
            let input = row.str_at(&["input"]).expect("input").to_owned();
            let expect = row.str_at(&["expect"]).map(ToOwned::to_owned);
            let object = documents(&folder.join(&input)).remove(0);
            (input, expect, object)
        })
        .collect()
}

#[test]
fn built_in_kinds_have_the_health_that_gitops_engine_gives_them() {
    let Some(folder) = corpus("gitops-engine") else {
        return;
    };
    for (input, expect, object) in cases(&folder) {
        let health = assess_builtin(&object).map(|r| r.health.to_string());
        assert_eq!(health, expect, "{input}");
    }
}

#[test]
fn custom_resources_have_the_health_that_argo_cd_gives_them_or_unknown() {
    let Some(folder) = corpus("customizations") else {
        return;
    };
    let (mut right, mut unknown, mut wrong) = (0, Vec::new(), Vec::new());
    for (input, expect, object) in cases(&folder) {
        let health = assess(&object).map(|r| r.health.to_string());
        match health.as_deref() {
            _ if health == expect => right += 1,
            None | Some("Unknown") => unknown.push(input),
            Some(_) => wrong.push((input, expect, health)),
        }
    }
    println!("right {right}, unknown {unknown:?}, wrong {wrong:?}");
    assert!(wrong.is_empty(), "{wrong:?}");
}
