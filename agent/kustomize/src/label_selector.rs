//! Kubernetes' label selectors as text: `a=b,c!=d,e in (f,g),!h,i>1`.

use std::borrow::Cow;

use muster_model::Problem;

use crate::failure::failed;

/// All requirements have to be met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LabelSelector(Vec<(String, Requirement)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads a selector; the empty text selects everything.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let mut tokens = tokens(text);
        let mut all = Vec::new();
        let wrong = || failed(format!("{text:?} is not a label selector"));
        while !tokens.is_empty() {
            all.push(requirement(&mut tokens).ok_or_else(wrong)?);
            match tokens.first().map(String::as_str) {
                Some(",") if tokens.len() > 1 => drop(tokens.remove(0)),
                None => {}
                Some(_) => return Err(wrong()),
            }
        }
        Ok(Self(all))
    }

    /// True when the labels meet every requirement.
    pub(crate) fn matches<'v>(&self, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> bool {
        self.0.iter().all(|(key, requirement)| {
            let value = value(key);
            let number = || value.as_deref().and_then(|v| v.parse::<i64>().ok());
            match requirement {
                Requirement::Exists => value.is_some(),
                Requirement::Absent => value.is_none(),
                Requirement::In(values) => value
                    .as_deref()
                    .is_some_and(|v| values.iter().any(|x| x == v)),
                Requirement::NotIn(values) => value
                    .as_deref()
                    .is_none_or(|v| values.iter().all(|x| x != v)),
                Requirement::Greater(limit) => number().is_some_and(|n| n > *limit),
                Requirement::Less(limit) => number().is_some_and(|n| n < *limit),
            }
        })
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        let symbol = matches!(c, '=' | '!' | ',' | '(' | ')' | '<' | '>');
        if (symbol || c.is_whitespace()) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if symbol {
            match out.last_mut() {
                Some(last) if c == '=' && matches!(&**last, "=" | "!") => last.push('='),
                _ => out.push(c.to_string()),
            }
        } else if !c.is_whitespace() {
            word.push(c);
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn requirement(tokens: &mut Vec<String>) -> Option<(String, Requirement)> {
    let next = |tokens: &mut Vec<String>| (!tokens.is_empty()).then(|| tokens.remove(0));
    let key = next(tokens)?;
    if key == "!" {
        return Some((next(tokens).filter(|k| is_word(k))?, Requirement::Absent));
    }
    if !is_word(&key) {
        return None;
    }
    let operator = match tokens.first().map(String::as_str) {
        None | Some(",") => return Some((key, Requirement::Exists)),
        Some(_) => next(tokens)?,
    };
    let requirement = match &*operator {
        "=" | "==" => Requirement::In(vec![value(tokens)]),
        "!=" => Requirement::NotIn(vec![value(tokens)]),
        ">" => Requirement::Greater(value(tokens).parse().ok()?),
        "<" => Requirement::Less(value(tokens).parse().ok()?),
        "in" => Requirement::In(values(tokens)?),
        "notin" => Requirement::NotIn(values(tokens)?),
        _ => return None,
    };
    Some((key, requirement))
}

fn value(tokens: &mut Vec<String>) -> String {
    match tokens.first() {
        Some(word) if is_word(word) => tokens.remove(0),
        _ => String::new(),
    }
}

fn values(tokens: &mut Vec<String>) -> Option<Vec<String>> {
    if tokens.first()? != "(" {
        return None;
    }
    tokens.remove(0);
    let mut all = vec![value(tokens)];
    loop {
        match tokens.first()?.as_str() {
            "," => {
                tokens.remove(0);
                all.push(value(tokens));
            }
            ")" => {
                tokens.remove(0);
                return Some(all);
            }
            _ => return None,
        }
    }
}

fn is_word(token: &str) -> bool {
    !token.starts_with(['=', '!', ',', '(', ')', '<', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        LabelSelector::parse(selector)
            .expect("a selector")
            .matches(|key| {
                labels
                    .iter()
                    .find(|(k, _)| *k == key)
                    .map(|(_, v)| Cow::Borrowed(*v))
            })
    }

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let labels = [("app", "web"), ("tier", "2")];
        for yes in [
            "",
            "app=web",
            "app==web,tier",
            "app!=db",
            "app in (db, web)",
            "x notin (a)",
            "!x",
            "tier>1",
            "x!=y",
        ] {
            assert!(matches(yes, &labels), "{yes}");
        }
        for no in ["app=db", "x", "!app", "app notin (web)", "tier<2", "app="] {
            assert!(!matches(no, &labels), "{no}");
        }
        for bad in ["a b", "in (", "a in b", "=x", "a=b,", "a>x"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }
}
