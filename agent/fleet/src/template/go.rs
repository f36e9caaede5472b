//! Go's text/template with sprig's functions, as Argo CD sets it up.

use std::sync::Arc;

use gotmpl::parse::{ActionNode, CommandNode, Expr, ListNode, Node, Parser, PipeNode, SmolStr};
use gotmpl::{MissingKey, TemplateError as GoError, Value};

use super::{TemplateError, blocks, functions, shortened};

/// Iterations of all `range` loops of one execution. 100,000: every cluster of the largest fleet twenty times over.
const MAX_ITERATIONS: u64 = 100_000;
/// Bytes one execution may write: 1 MiB, beyond what any object of an API server holds.
const MAX_OUTPUT: usize = 1 << 20;
/// The name Argo CD parses its templates under.
const NAME: &str = "base";
/// The parsed body's name; no template can call it, since it cannot be written in one.
const BODY: &str = "\u{0}body";

/// A parsed template.
pub(super) struct Template {
    whole: gotmpl::Template,
    /// The same, when it is nothing but text and fields: the templates that 5,000 clusters are named by.
    plain: Option<Vec<Piece>>,
}

/// A part of a template that needs no engine.
enum Piece {
    Text(Arc<str>),
    /// `{{ .a.b }}`.
    Field(Vec<SmolStr>),
}

impl Template {
    /// Parses a template and checks that every function it names exists and is pure.
    pub(super) fn parse(template: &str, missing: MissingKey) -> Result<Self, TemplateError> {
        let syntax = |why: String| TemplateError::Syntax {
            template: shortened(template),
            why,
        };
        let parser = Parser::with_name(Some(NAME), template, "{{", "}}")
            .map_err(|error| syntax(error.to_string()))?;
        let (mut body, mut defines) = parser.parse().map_err(|error| syntax(error.to_string()))?;
        if let Some(why) = blocks::unbalanced(template) {
            return Err(syntax(why));
        }
        if let Some(twice) = defines.iter().find(|define| *define.name == *NAME) {
            return Err(syntax(format!(
                "multiple definition of template \"{}\"",
                twice.name
            )));
        }
        let plain = pieces(&body);
        let mut walk = Walk::default();
        walk.list(&mut body);
        for define in &mut defines {
            walk.list(&mut define.body);
        }
        if let Some(function) = walk.unknown {
            return Err(match functions::impure(&function) {
                Some(what) => TemplateError::Impure {
                    template: shortened(template),
                    function,
                    what,
                },
                None => syntax(format!("function \"{function}\" not defined")),
            });
        }
        if let Some(function) = walk.in_place {
            return Err(syntax(format!(
                "`{function}` cannot change a parameter in place: give its result to a variable"
            )));
        }
        let call = format!("{{{{template \"{BODY}\" .}}}}");
        let mut parsed = gotmpl::Template::new(NAME)
            .funcs(functions::all().clone())
            .missing_key(missing)
            .max_range_iters(MAX_ITERATIONS)
            .parse(&call)
            .map_err(|error| syntax(error.to_string()))?
            .add_parse_tree(BODY, body);
        for define in defines {
            parsed = parsed.add_parse_tree(&define.name, define.body);
        }
        Ok(Self {
            whole: parsed,
            plain,
        })
    }

    /// Executes the template.
    pub(super) fn execute(&self, template: &str, params: &Value) -> Result<String, TemplateError> {
        if let Some(text) = self.plain.as_deref().and_then(|p| filled(p, params)) {
            return Ok(text);
        }
        let mut out = Bounded(String::new());
        match self.whole.execute_fmt(&mut out, params) {
            Ok(()) => Ok(out.0),
            Err(error) => Err(TemplateError::Execution {
                template: shortened(template),
                missing_key: is_missing_key(&error),
                why: explain(&error),
            }),
        }
    }
}

/// The pieces of a template that is only text and fields.
fn pieces(body: &ListNode) -> Option<Vec<Piece>> {
    let piece = |node: &Node| match node {
        Node::Text(text) => Some(Piece::Text(Arc::clone(&text.text))),
        Node::Action(ActionNode { pipe, .. }) if pipe.decl.is_empty() => {
            let [CommandNode { args, .. }] = &pipe.commands[..] else {
                return None;
            };
            match &args[..] {
                [Expr::Field(_, names)] => Some(Piece::Field(names.clone())),
                _ => None,
            }
        }
        _ => None,
    };
    body.nodes.iter().map(piece).collect()
}

/// The text, where every field is a text; anything else is the engine's to print, or to refuse.
fn filled(pieces: &[Piece], params: &Value) -> Option<String> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Field(names) => {
                let mut value = params;
                for name in names {
                    let Value::Map(entries) = value else {
                        return None;
                    };
                    value = entries.get(name.as_str())?;
                }
                out.push_str(value.as_str()?);
            }
        }
        if out.len() > MAX_OUTPUT {
            return None;
        }
    }
    Some(out)
}

/// What Argo CD takes for a missing key: one a map does not have, or a field of something that has none.
fn is_missing_key(error: &GoError) -> bool {
    match error {
        GoError::MissingKey { .. } => true,
        GoError::Exec(message) => message.starts_with("can't evaluate field"),
        _ => false,
    }
}

fn explain(error: &GoError) -> String {
    match error {
        GoError::Write => format!("it writes more than {MAX_OUTPUT} bytes"),
        GoError::RangeIterLimit => format!("its loops run more than {MAX_ITERATIONS} times"),
        other => other.to_string(),
    }
}

/// Output that refuses to grow beyond its bound.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_OUTPUT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Functions of sprig that change their first argument in place.
const IN_PLACE: &[&str] = &[
    "merge",
    "mergeOverwrite",
    "mustMerge",
    "mustMergeOverwrite",
    "set",
    "unset",
];

/// Visits a parsed template: finds functions that are not there, and makes actions print as Go prints.
#[derive(Default)]
struct Walk {
    /// The first function that is not there.
    unknown: Option<String>,
    /// The first function that is called only to change something other than a variable.
    in_place: Option<String>,
}

impl Walk {
    fn list(&mut self, list: &mut ListNode) {
        for node in &mut list.nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &mut Node) {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(action) => self.action(action),
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                self.pipe(&branch.pipe);
                self.list(&mut branch.body);
                if let Some(body) = &mut branch.else_body {
                    self.list(body);
                }
            }
            Node::Template(call) => {
                if let Some(pipe) = &mut call.pipe {
                    self.pipe(pipe);
                    bound(pipe);
                }
            }
            Node::Define(define) => self.list(&mut define.body),
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
    }

    /// Sends what an action prints through [`functions::PRINT`], which writes floats as Go does.
    fn action(&mut self, action: &mut ActionNode) {
        self.pipe(&action.pipe);
        if action.pipe.decl.is_empty() {
            let pos = action.pos;
            action.pipe.commands.push(CommandNode {
                pos,
                args: vec![Expr::Identifier(pos, SmolStr::new(functions::PRINT))],
            });
        }
        self.assign_in_place(&mut action.pipe);
        if !action.pipe.decl.is_empty() {
            bound(&mut action.pipe);
        }
    }

    /// Turns `$_ := set $x …` into `$x = set $x …`: mappings are values here.
    fn assign_in_place(&mut self, pipe: &mut PipeNode) {
        let discarded = matches!(&pipe.decl[..], [name] if name == "$_");
        let [CommandNode { args, .. }] = &pipe.commands[..] else {
            return;
        };
        let Some((Expr::Identifier(_, function), rest)) = args.split_first() else {
            return;
        };
        if !discarded || !IN_PLACE.contains(&function.as_str()) {
            return;
        }
        match rest.first() {
            Some(Expr::Variable(_, name, fields)) if fields.is_empty() && name != "$" => {
                pipe.decl = vec![name.clone()];
                pipe.is_assign = true;
            }
            Some(Expr::Pipe(..)) => {}
            _ => self.in_place = Some(function.to_string()),
        }
    }

    fn pipe(&mut self, pipe: &PipeNode) {
        for argument in pipe.commands.iter().flat_map(|command| &command.args) {
            self.expression(argument);
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Identifier(_, name) => {
                if self.unknown.is_none() && !functions::is_known(name) {
                    self.unknown = Some(name.to_string());
                }
            }
            Expr::Pipe(_, pipe) => self.pipe(pipe),
            Expr::Chain(_, inner, _) => self.expression(inner),
            Expr::Dot(_)
            | Expr::Field(..)
            | Expr::Variable(..)
            | Expr::String(..)
            | Expr::Number(..)
            | Expr::Bool(..)
            | Expr::Nil(_) => {}
        }
    }
}

/// Sends what a variable or another template is given through [`functions::BOUNDED`].
fn bound(pipe: &mut PipeNode) {
    let Some(pos) = pipe.commands.last().map(|command| command.pos) else {
        return;
    };
    pipe.commands.push(CommandNode {
        pos,
        args: vec![Expr::Identifier(pos, SmolStr::new(functions::BOUNDED))],
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn render(template: &str) -> Result<String, TemplateError> {
        let data = params::from_node(
            &muster_model::json::from_slice(br#"{"m":{"k":"v"},"big":123456789012}"#)
                .expect("JSON"),
        );
        Template::parse(template, MissingKey::Error)?.execute(template, &data)
    }

    #[test]
    fn mappings_kept_in_variables_can_be_changed() {
        let template = r#"{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d.b }}"#;
        assert_eq!(render(template), Ok("2".to_owned()));
        let error = render(r#"{{ $_ := set .m "k" 2 }}"#).expect_err("a parameter");
        assert!(error.to_string().contains("in place"));
    }

    #[test]
    fn numbers_print_as_go_prints_them() {
        assert_eq!(render("{{ .big }}"), Ok("1.23456789012e+11".to_owned()));
        assert_eq!(render("{{ .big | int64 }}"), Ok("123456789012".to_owned()));
    }

    #[test]
    fn endless_output_and_loops_are_stopped() {
        for template in [
            "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}",
            r#"{{ range until 90000 }}{{ repeat 100 "x" }}{{ end }}"#,
            r#"{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}"#,
            r#"{{ $s := "x" }}{{ range until 50 }}{{ $s = printf "%s%s" $s $s }}{{ end }}{{ len $s }}"#,
            r#"{{ $l := list 1 }}{{ range until 50 }}{{ $l = list $l $l }}{{ end }}{{ len $l }}"#,
            r#"{{ define "t" }}{{ template "t" (printf "%s%s" . .) }}{{ end }}{{ template "t" "xx" }}"#,
            r#"{{ $s := repeat 100000 "x" }}{{ replace "x" $s $s }}"#,
        ] {
            assert!(render(template).is_err(), "{template}");
        }
    }

    #[test]
    fn text_and_fields_alone_print_as_the_engine_prints_them() {
        for (template, expected) in [
            ("a-{{ .m.k }}-{{- .m.k }}", "a-v-v"),
            ("{{.m.k}}\n", "v\n"),
            ("{{ .big }}!", "1.23456789012e+11!"),
            ("{{/* nothing */}}x", "x"),
            ("{{ .m }}", "map[k:v]"),
        ] {
            assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
        }
        assert!(render("{{ .m.none }}").is_err() && render("{{ .m.k.deeper }}").is_err());
    }

    #[test]
    fn a_missing_key_is_told_from_other_errors() {
        assert!(render("{{ .none }}").expect_err("missing").is_missing_key());
        assert!(
            !render(r#"{{ fail "x" }}"#)
                .expect_err("fails")
                .is_missing_key()
        );
    }
}
