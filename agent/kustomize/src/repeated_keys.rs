//! Kustomization files with a key written twice, the same way both times.
//!
//! kustomize reads its own file with a parser that lets the last of two keys win. Where both say the same that is
//! harmless, and some repositories have it; where they differ the file is refused like any other.

use std::collections::BTreeMap;

/// The text with repeated top-level entries blanked; `None` when there is none, or when repetitions differ.
pub(crate) fn without_repeats(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|i| key_of(lines[*i]).is_some())
        .collect();
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    let mut blank = vec![false; lines.len()];
    let mut any = false;
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let Some(key) = key_of(lines[*start]) else {
            continue;
        };
        let entry = content(&lines[*start..end]);
        match seen.get(key) {
            None => {
                seen.insert(key, entry);
            }
            Some(first) if *first == entry => {
                blank[*start..end].fill(true);
                any = true;
            }
            Some(_) => return None,
        }
    }
    // As many bytes as before, so that places in the text stay right.
    let keep = |(line, blank): (&&str, &bool)| match (*blank, line.strip_suffix('\n')) {
        (false, _) => (*line).to_owned(),
        (true, Some(line)) => " ".repeat(line.len()) + "\n",
        (true, None) => " ".repeat(line.len()),
    };
    any.then(|| lines.iter().zip(&blank).map(keep).collect())
}

/// The key of a line that begins a top-level entry.
fn key_of(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t', '#', '-', '"', '\'', '{', '[', '.', '%']) {
        return None;
    }
    let (key, rest) = line.split_once(':')?;
    (rest.is_empty() || rest.starts_with([' ', '\r', '\n'])).then_some(key.trim_end())
}

fn content(lines: &[&str]) -> String {
    let kept = lines
        .iter()
        .map(|l| l.trim_end())
        .filter(|l| !l.is_empty() && !l.trim_start().starts_with('#') && *l != "---");
    kept.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_repetitions_are_blanked() {
        assert_eq!(
            without_repeats("a: 1\nb:\n- x\na: 1\n").as_deref(),
            Some("a: 1\nb:\n- x\n    \n")
        );
        assert_eq!(without_repeats("a: 1\na: 2\n"), None);
        assert_eq!(without_repeats("a: 1\nb: 2\n"), None);
    }
}
