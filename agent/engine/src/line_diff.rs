//! What changes in a text, line by line, as people read it.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, Token};

/// Lines around a change that are shown with it.
const CONTEXT: u32 = 2;

/// The changed lines of a text and two around each change, every one behind its sign and a space; `  …` where lines
/// between two changes are left out. [`Tone::of_changed`](crate::lines::Tone::of_changed) tells what each is.
#[must_use]
pub fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let length = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let mut out = Vec::new();
    // What of the old text is done with, and how far the context of the change before reaches.
    let (mut done, mut reach) = (0, 0);
    for hunk in diff.hunks() {
        let (start, end) = (hunk.before.start, hunk.before.end);
        push(&mut out, ' ', &input, &input.before, done..reach.min(start));
        done = reach.min(start);
        let ahead = start.saturating_sub(CONTEXT);
        if ahead > done && !out.is_empty() {
            out.push("  …".to_owned());
        }
        push(&mut out, ' ', &input, &input.before, ahead.max(done)..start);
        push(&mut out, '-', &input, &input.before, hunk.before);
        push(&mut out, '+', &input, &input.after, hunk.after);
        done = end;
        reach = end.saturating_add(CONTEXT).min(length);
    }
    push(&mut out, ' ', &input, &input.before, done..reach);
    out
}

/// Adds lines of one side, behind a sign.
fn push(
    out: &mut Vec<String>,
    sign: char,
    input: &InternedInput<&str>,
    side: &[Token],
    lines: Range<u32>,
) {
    let lines = side.get(lines.start as usize..lines.end as usize);
    for line in lines.unwrap_or_default() {
        let line = input.interner[*line].trim_end_matches('\n');
        out.push(format!("{sign} {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_around_each_change_are_shown_once() {
        let changed = |old: &str, new: &str| {
            let text = |words: &str| words.replace(' ', "\n") + "\n";
            changed_lines(&text(old), &text(new))
        };
        assert_eq!(changed("a b c", "a b c"), [""; 0]);
        assert_eq!(
            changed("a b c d e f", "a b c D e f"),
            ["  b", "  c", "- d", "+ D", "  e", "  f"]
        );
        // Close to each other: what is between them is neither left out nor repeated.
        assert_eq!(
            changed("a b c d", "A b c D"),
            ["- a", "+ A", "  b", "  c", "- d", "+ D"]
        );
        assert_eq!(
            changed("a 1 2 3 4 5 b", "A 1 2 3 4 5"),
            ["- a", "+ A", "  1", "  2", "  …", "  4", "  5", "- b"]
        );
        assert_eq!(changed_lines("a", "a\nb"), ["- a", "+ a", "+ b"]);
    }
}
