//! Bytes to nodes.

use super::build::{Builder, Purpose};
use super::error::YamlError;
use super::parse::Parser;
use super::text;
use crate::budgets::Budgets;
use crate::node::{Node, SourceId};

/// Reads every document of a text; empty documents are left out. Spans carry `source`.
///
/// The result is that of kustomize: its typing of scalars, `<<` expanded, aliases replaced by copies, keys that are
/// numbers or booleans as texts. In a UTF-16 file the spans count bytes of the same text in UTF-8.
///
/// # Errors
/// When the text is not YAML, repeats a key, holds what JSON has no form for, or exceeds a budget.
pub fn read(bytes: &[u8], budgets: &Budgets, source: SourceId) -> Result<Vec<Node>, YamlError> {
    read_for(Purpose::Values, bytes, budgets, source)
}

/// Reads the resources and patches of a kustomization, with what kustomize makes of three rare forms: it adds line
/// breaks to texts in `>` blocks that have indented lines, it makes `""` of nothing as a value inside `{}`, and keeps
/// times inside `[]` and `{}` as they are written. Keys below the outermost mapping must be texts.
///
/// # Errors
/// As [`read`].
pub fn read_resources(
    bytes: &[u8],
    budgets: &Budgets,
    source: SourceId,
) -> Result<Vec<Node>, YamlError> {
    read_for(Purpose::Resources, bytes, budgets, source)
}

/// Reads a kustomization, as kustomize reads its own file: as [`read`], but of two equal keys the last counts.
///
/// # Errors
/// As [`read`], without the repeated keys.
pub fn read_kustomization(
    bytes: &[u8],
    budgets: &Budgets,
    source: SourceId,
) -> Result<Vec<Node>, YamlError> {
    read_for(Purpose::Kustomization, bytes, budgets, source)
}

fn read_for(
    purpose: Purpose,
    bytes: &[u8],
    budgets: &Budgets,
    source: SourceId,
) -> Result<Vec<Node>, YamlError> {
    let limit = budgets.file_bytes.min(u64::from(u32::MAX));
    if u64::try_from(bytes.len()).map_or(true, |length| length > limit) {
        return Err(YamlError::budget(
            1,
            format!("the file has more than {limit} bytes; split it"),
        ));
    }
    let (text, skipped) = text::decode(bytes)?;
    let builder = Builder::new(&text, skipped, budgets, purpose, source);
    Ok(Parser::new(&text, builder).run()?.documents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn all(text: &str) -> Result<String, YamlError> {
        let nodes = read(text.as_bytes(), &Budgets::default(), 0)?;
        let texts: Vec<_> = nodes.iter().map(json::to_string).collect();
        Ok(texts.join(" "))
    }

    /// Each text and its documents as JSON.
    fn check(cases: &[(&str, &str)]) {
        for (text, json) in cases {
            assert_eq!(all(text).as_deref(), Ok(*json), "{text:?}");
        }
    }

    /// Each text, the line of the error, and a part of its message.
    fn check_refused(cases: &[(&str, u32, &str)]) {
        for (text, line, part) in cases {
            match all(text) {
                Ok(json) => panic!("{text:?} was read as {json}"),
                Err(error) => {
                    assert_eq!(error.line(), *line, "{text:?}: {error}");
                    assert!(error.to_string().contains(part), "{text:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn scalars_are_typed_as_go_yaml_types_them() {
        check(&[
            (
                r#"[yes, 0644, 0o644, -010, 0x1F, 0b11, 1_000, 1e3, 1.10, ~, "1", 2001-01-01]"#,
                r#"["yes",420,420,-8,31,3,1000,1000,1.1,null,"1","2001-01-01T00:00:00Z"]"#,
            ),
            (
                "[!!str 1, !!int \"5\", !!float 1, !!bool true, !!null ~, !own 5, ! 5]",
                r#"["1",5,1,true,null,"5",5]"#,
            ),
            ("a: !!binary aGVsbG8=", r#"{"a":"hello"}"#),
        ]);
    }

    #[test]
    fn what_a_scalar_was_written_as_is_kept() {
        let node = &read(b"[0644, 2001-01-01, 12, True]", &Budgets::default(), 0).expect("YAML")[0];
        let raw: Vec<_> = node
            .as_list()
            .into_iter()
            .flatten()
            .map(Node::raw_scalar)
            .collect();
        assert_eq!(
            raw.into_iter().flatten().collect::<Vec<_>>(),
            ["0644", "2001-01-01", "12", "true"]
        );
    }

    #[test]
    fn block_scalars_keep_strip_and_fold() {
        check(&[
            ("a: |\n  x\n\n  y\n\nb: 1", r#"{"a":"x\n\ny\n","b":1}"#),
            ("a: |-\n  x\n\n", r#"{"a":"x"}"#),
            ("a: |+\n  x\n\n", r#"{"a":"x\n\n"}"#),
            (
                "a: >\n  x\n  y\n\n  z\n   w\n  v\n",
                r#"{"a":"x y\nz\n w\nv\n"}"#,
            ),
            ("a: |2-\n   x\n  y", r#"{"a":" x\ny"}"#),
            ("- |\n x\n- >+ # c\n\n x\n", r#"["x\n","\nx\n"]"#),
            ("a: |\n", r#"{"a":""}"#),
            ("a: |\r\n  x\r\n  y\r\n", r#"{"a":"x\ny\n"}"#),
        ]);
    }

    #[test]
    fn quotes_fold_and_unescape() {
        check(&[
            (r#""a\tb\u00e9\x41\U0001F600""#, "\"a\\tbéA😀\""),
            ("'it''s\n  x\n\n  y '", r#""it's x\ny ""#),
            ("\"a\\\n   b\\\n\n  c\"", r#""ab\nc""#),
            ("\"a  \n  b\"", r#""a b""#),
        ]);
    }

    #[test]
    fn plain_scalars_go_on_over_lines() {
        check(&[
            (
                "a: x\n  y\n\n  z # c\nb: c#d",
                r#"{"a":"x y\nz","b":"c#d"}"#,
            ),
            ("a:\n  b:c -d ?e", r#"{"a":"b:c -d ?e"}"#),
            (
                "[a b, c:d, {e: , f}]",
                r#"["a b","c:d",{"e":null,"f":null}]"#,
            ),
        ]);
    }

    #[test]
    fn lists_may_stand_at_the_column_of_their_key() {
        check(&[
            (
                "a:\n- b\n- - c\n  - d: e\n    f:\nc:\n  - x",
                r#"{"a":["b",["c",{"d":"e","f":null}]],"c":["x"]}"#,
            ),
            ("? a\n: b\n? c\n", r#"{"a":"b","c":null}"#),
            ("[a: b, ? c : d]", r#"[{"a":"b"},{"c":"d"}]"#),
        ]);
    }

    #[test]
    fn documents_are_split_and_empty_ones_left_out() {
        check(&[
            (
                "--- # c\na: 1\n---\n---\n# c\n---\nb: 2\n...\n",
                r#"{"a":1} {"b":2}"#,
            ),
            ("%YAML 1.1\n---\na: 1", r#"{"a":1}"#),
            ("\u{feff}a: 1", r#"{"a":1}"#),
            ("", ""),
        ]);
    }

    #[test]
    fn aliases_and_merges_are_expanded() {
        check(&[
            (
                "a: &x {k: 1, m: 1}\nb: {<<: *x, k: 2}",
                r#"{"a":{"k":1,"m":1},"b":{"k":2,"m":1}}"#,
            ),
            (
                "a: &x {k: 1}\nb: &y {k: 2, n: 2}\nc: {<<: [*x, *y]}",
                r#"{"a":{"k":1},"b":{"k":2,"n":2},"c":{"k":1,"n":2}}"#,
            ),
            (
                "- &x k\n- {*x : *x}\n- &x 2\n- *x",
                r#"["k",{"k":"k"},2,2]"#,
            ),
            ("{'<<': 1}", r#"{"<<":1}"#),
        ]);
        check_refused(&[
            ("a: &x [*x]", 1, "no finished anchor &x"),
            ("a: &x 1\nb: &x [*x]", 2, "no finished anchor &x"),
            ("a: *x", 1, "no finished anchor &x"),
            ("a: {<<: 1}", 1, "takes a mapping"),
            ("a: &x [1]\nb: {<<: *x}", 2, "takes a mapping"),
            ("a: &x {}\nb:\n  <<: *x\n  <<: *x", 4, "twice"),
        ]);
    }

    #[test]
    fn keys_become_texts() {
        check(&[(
            "a: {1: b, true: c, 0x10: d, \"e\": f, no: g}",
            r#"{"a":{"1":"b","true":"c","16":"d","e":"f","no":"g"}}"#,
        )]);
        check_refused(&[
            ("a: {~: 1}", 1, "key must be a text"),
            ("{[a]: 1}", 1, "a list or a mapping"),
        ]);
    }

    #[test]
    fn mistakes_are_refused_with_their_line() {
        check_refused(&[
            ("a: 1\nb: 2\na: 3\n", 3, "first on line 1"),
            ("a:\n\tb: 1", 2, "tab"),
            ("a: b: c", 1, "quotes around"),
            ("a: 1\nb\n", 2, "no `:`"),
            ("a: 'x\nb: 1", 1, "not closed"),
            ("a: 1\n- b", 2, "key was expected"),
            ("a: @x", 1, "may not begin"),
            ("a: \"\\q\"", 1, "escape"),
            ("a: 1\n--- b\n", 2, "nothing may follow"),
            ("a: .inf", 1, "no number"),
            ("a: !!int x", 1, "!!int"),
            ("a\u{0}", 1, "U+0000"),
        ]);
    }

    #[test]
    fn a_comment_line_behind_another_may_be_indented_by_a_tab() {
        check(&[("# c\n\t# d\na: 1", r#"{"a":1}"#)]);
        check_refused(&[("a: # c\n\t# d\n  1", 2, "tab")]);
    }

    #[test]
    fn spans_show_where_a_value_was_written() {
        let text = "a: 'x'\nb:\n- |\n  y\n- z # c\nd: {e: 1}\n";
        let node = &read(text.as_bytes(), &Budgets::default(), 7).expect("YAML")[0];
        let written = |node: Option<&Node>| {
            let span = node.map(|node| node.span).unwrap_or_default();
            let range =
                usize::try_from(span.start).unwrap_or(0)..usize::try_from(span.end).unwrap_or(0);
            (span.source, span.line, &text[range])
        };
        assert_eq!(written(node.get("a")), (7, 1, "'x'"));
        assert_eq!(written(node.get("b")), (7, 3, "- |\n  y\n- z"));
        let items = node.get("b").and_then(Node::as_list).unwrap_or_default();
        assert_eq!(written(items.first()), (7, 3, "|\n  y"));
        assert_eq!(written(items.last()), (7, 5, "z"));
        assert_eq!(written(node.get("d")), (7, 6, "{e: 1}"));
        assert_eq!(written(node.at_path(&["d", "e"])), (7, 6, "1"));
    }

    #[test]
    fn budgets_stop_what_is_too_large() {
        let budget = |text: &str| match all(text) {
            Err(YamlError::Budget { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..10 {
            let below = vec![format!("*a{}", level - 1); 9].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(budget(&bomb).contains("aliases"));
        assert!(budget(&"[".repeat(100_000)).contains("deeper"));
        assert!(budget(&"- ".repeat(100_000)).contains("deeper"));
        assert!(budget(&"a: 1\n---\n".repeat(20_001)).contains("documents"));
        let few = Budgets {
            nodes: 3,
            file_bytes: 20,
            ..Budgets::default()
        };
        assert!(read(b"[1, 2, 3]", &few, 0).is_err());
        assert!(read(b"aaaaaaaaaaaaaaaaaaaaa", &few, 0).is_err());
    }

    #[test]
    fn a_chain_of_anchors_does_not_nest_deeper_than_allowed() {
        let mut text = format!("a0: &a0 {}{}\n", "[".repeat(400), "]".repeat(400));
        for level in 1..4 {
            text.push_str(&format!(
                "a{level}: &a{level} {}*a{}{}\n",
                "[".repeat(400),
                level - 1,
                "]".repeat(400)
            ));
        }
        assert!(matches!(all(&text), Err(YamlError::Budget { line: 3, .. })));
    }
}
