//! What is left of a case that comes out differently, for whoever mends it.

use std::ffi::OsStr;
use std::path::Path;

use super::compare::{self, Answer};
use super::generate::Case;
use crate::process::Oracle;

/// The files and both answers; they are kept below `findings`, where that is given.
pub fn show(oracle: &mut Oracle, case: &Case, findings: Option<&OsStr>, number: u64) -> String {
    let (ours, theirs) = (compare::ours(case), compare::theirs(oracle, case));
    let mut text = format!("{:?}\n", case.args);
    for (path, content) in &case.files {
        text.push_str(&format!("--- {path}\n{content}"));
    }
    text.push_str(&format!(
        "--- kustomize: {}\n--- muster: {}\n",
        theirs.shown(),
        ours.shown()
    ));
    if let Some(findings) = findings {
        let dir = Path::new(findings).join(number.to_string());
        if let Err(error) = keep(&dir, case, &theirs, &text) {
            println!("cannot keep {}: {error}", dir.display());
        }
    }
    text
}

fn keep(dir: &Path, case: &Case, theirs: &Answer, text: &str) -> std::io::Result<()> {
    let write = |path: &Path, content: &str| -> std::io::Result<()> {
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        std::fs::write(path, content)
    };
    for (path, content) in &case.files {
        write(&dir.join("in").join(path), content)?;
    }
    write(&dir.join("stdout"), &theirs.stdout)?;
    write(&dir.join("finding.txt"), text)
}
