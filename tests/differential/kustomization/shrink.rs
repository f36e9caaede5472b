//! A finding made as small as it gets: files, then lines, taken away while both tools still disagree in the same way.

use super::compare::compare;
use super::generate::Case;
use crate::process::Oracle;
use crate::run::Verdict;

/// The smallest case found with the same verdict.
pub fn shrink(oracle: &mut Oracle, case: Case, verdict: &Verdict) -> Case {
    let mut small = case;
    loop {
        let before = size(&small);
        small = without_files(oracle, small, verdict);
        small = without_lines(oracle, small, verdict);
        if size(&small) == before {
            return small;
        }
    }
}

fn size(case: &Case) -> usize {
    case.files
        .iter()
        .map(|(path, text)| path.len() + text.len())
        .sum()
}

fn without_files(oracle: &mut Oracle, mut case: Case, verdict: &Verdict) -> Case {
    for path in case.files.keys().cloned().collect::<Vec<_>>() {
        let mut smaller = case.clone();
        smaller.files.remove(&path);
        if compare(oracle, &smaller) == *verdict {
            case = smaller;
        }
    }
    case
}

fn without_lines(oracle: &mut Oracle, mut case: Case, verdict: &Verdict) -> Case {
    for path in case.files.keys().cloned().collect::<Vec<_>>() {
        let mut lines: Vec<String> = case.files[&path].lines().map(str::to_owned).collect();
        let mut chunk = lines.len().max(1);
        loop {
            let mut start = 0;
            while start < lines.len() {
                let end = (start + chunk).min(lines.len());
                let mut fewer = lines.clone();
                fewer.drain(start..end);
                let mut smaller = case.clone();
                smaller.files.insert(
                    path.clone(),
                    fewer.iter().map(|l| format!("{l}\n")).collect(),
                );
                if compare(oracle, &smaller) == *verdict {
                    (case, lines) = (smaller, fewer);
                } else {
                    start = end;
                }
            }
            if chunk == 1 {
                break;
            }
            chunk /= 2;
        }
    }
    case
}
