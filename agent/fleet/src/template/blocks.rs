//! Whether the blocks of a Go template are closed: what the engine's parser lets pass, and Go refuses.

/// What is wrong with the blocks of a template, when anything is.
pub(super) fn unbalanced(template: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let after = after.strip_prefix("- ").unwrap_or(after).trim_start();
        if after.starts_with("/*") {
            rest = after.split_once("*/").map_or("", |(_, rest)| rest);
            continue;
        }
        let word = after.split(|c: char| !c.is_ascii_alphabetic()).next();
        match word.unwrap_or_default() {
            word @ ("if" | "range" | "with" | "block" | "define") => open.push(word),
            "end" if open.pop().is_none() => return Some("unexpected {{end}}".to_owned()),
            "else" if !matches!(open.last(), Some(&("if" | "range" | "with"))) => {
                return Some("unexpected {{else}}".to_owned());
            }
            _ => {}
        }
        rest = after_action(after);
    }
    open.pop()
        .map(|word| format!("{{{{{word}}}}} is not closed"))
}

/// What follows the end of an action; braces within its texts do not end it.
fn after_action(action: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in action.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"' | '\'') if c == '\\' => escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None if action[index..].starts_with("}}") => return &action[index + 2..],
            None => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_an_end() {
        for closed in [
            "{{ if .a }}x{{ else if .b }}y{{ else }}z{{- end -}}",
            "{{ \"{{ end }}\" }}{{/* {{ end }} */}}{{ `}}` }}",
            "{{ .end }}{{ endless }}",
            "{{ define \"t\" }}{{ range . }}{{ end }}{{ end }}",
        ] {
            assert_eq!(unbalanced(closed), None, "{closed}");
        }
        for open in [
            "a{{ end }}b",
            "{{ else }}",
            "{{ define \"x\" }}",
            "{{ if .a }}",
        ] {
            assert!(unbalanced(open).is_some(), "{open}");
        }
    }
}
