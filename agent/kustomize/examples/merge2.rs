//! dev
#![allow(clippy::all, missing_docs, warnings)]
use muster_kustomize::*;
use muster_model::{Budgets, Node, yaml};
fn doc(row: &Node, f: &str) -> Node { yaml::read(row.str_at(&[f]).unwrap_or_default().as_bytes(), &Budgets::default(), 0).expect(f).into_iter().next().unwrap_or_default() }
fn main() {
    let text = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let rows = yaml::read(&text, &Budgets::default(), 0).unwrap();
    let (mut good, mut all) = (0, 0);
    for row in rows[0].as_list().unwrap() {
        all += 1;
        let d = if row.str_at(&["list"]) == Some("prepend") { Direction::Prepend } else { Direction::Append };
        let i = if row.get("inferMergeKeys").and_then(Node::as_bool) == Some(true) { Inference::ByName } else { Inference::Off };
        let p = |n: Node| if n.is_null() { String::new() } else { yaml::to_string(&n) };
        let want = p(doc(row, "expected"));
        match strategic_merge(doc(row, "object"), doc(row, "patch"), d, i) {
            Ok(m) if p(m.clone().unwrap_or_default()) == want => good += 1,
            other => println!("{} {d:?} {i:?}\n--patch\n{}--object\n{}--want\n{want}--got\n{}", row.str_at(&["name"]).unwrap(), row.str_at(&["patch"]).unwrap(), row.str_at(&["object"]).unwrap(), match other { Ok(m) => p(m.unwrap_or_default()), Err(e) => e.to_string() }),
        }
    }
    println!("{good}/{all}");
}
