//! Strategic merge case by case: patch, object, expected.

use std::path::Path;

use muster_kustomize::{Direction, Inference, strategic_merge_texts};
use muster_model::{Budgets, Node, yaml};

use crate::corpus::{Case, Corpus, Outcome, folders};

/// Every folder of the format.
pub fn corpora(root: &Path) -> Vec<Corpus> {
    folders(&root.join("kustomize"))
        .into_iter()
        .filter(|(name, _)| name.starts_with("merge2"))
        .map(|(name, path)| corpus(&name, &path))
        .collect()
}

fn corpus(name: &str, path: &Path) -> Corpus {
    let text = std::fs::read(path.join("cases.yaml")).expect("cases.yaml lies in the folder");
    let rows = yaml::read(&text, &Budgets::default(), 0).expect("cases.yaml is YAML");
    let cases = rows[0]
        .as_list()
        .expect("a list of cases")
        .iter()
        .map(case)
        .collect();
    Corpus {
        name: format!("kustomize/{name}"),
        cases,
    }
}

fn case(row: &Node) -> Case {
    let row = row.clone();
    Case {
        name: row.str_at(&["name"]).unwrap_or_default().to_owned(),
        run: Box::new(move || {
            let direction = if row.str_at(&["list"]) == Some("prepend") {
                Direction::Prepend
            } else {
                Direction::Append
            };
            let infer = row.get("inferMergeKeys").and_then(Node::as_bool) == Some(true);
            let inference = if infer {
                Inference::ByName
            } else {
                Inference::Off
            };
            let expected = print(document(&row, "expected"));
            match strategic_merge_texts(
                row.str_at(&["object"]).unwrap_or_default(),
                row.str_at(&["patch"]).unwrap_or_default(),
                direction,
                inference,
            ) {
                Ok(merged) if print(merged.clone().unwrap_or_default()) == expected => {
                    Outcome::Exact
                }
                Ok(merged) => Outcome::Wrong(format!(
                    "expected\n{expected}got\n{}",
                    print(merged.unwrap_or_default())
                )),
                Err(problem) => Outcome::Refused(problem.to_string()),
            }
        }),
    }
}

fn document(row: &Node, field: &str) -> Node {
    let text = row.str_at(&[field]).unwrap_or_default();
    yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("a document of a case is YAML")
        .into_iter()
        .next()
        .unwrap_or_default()
}

/// The cases compare as upstream compares them: containers in the order of their names.
fn print(mut node: Node) -> String {
    sort_containers(&mut node);
    if node.is_null() {
        String::new()
    } else {
        yaml::to_string(&node)
    }
}

fn sort_containers(node: &mut Node) {
    let containers = ["spec", "template", "spec", "containers"]
        .iter()
        .try_fold(node, |node, key| node.as_map_mut()?.get_mut(key))
        .and_then(Node::as_list_mut);
    if let Some(items) = containers {
        items.sort_by_key(|item| item.str_at(&["name"]).map(str::to_owned));
    }
}
