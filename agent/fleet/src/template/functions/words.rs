//! sprig's functions over the words and the case of a text.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{exactly, size, string, text};
use super::strings::one;

pub(super) const TABLE: &[(&str, Function)] = &[
    ("camelcase", |a| one(a, pascal_case)),
    ("initials", |a| one(a, initials)),
    ("kebabcase", |a| one(a, |t| connected(t, '-'))),
    ("snakecase", |a| one(a, |t| connected(t, '_'))),
    ("swapcase", |a| one(a, swap_case)),
    ("title", |a| one(a, title)),
    ("untitle", |a| one(a, untitle)),
    ("wrap", wrap),
    ("wrapWith", wrap_with),
];

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

fn upper(c: char) -> char {
    c.to_uppercase().next().unwrap_or(c)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Capitalises each word and drops the connectors between them; leading and trailing ones stay.
fn pascal_case(text: &str) -> String {
    let body = text.trim_matches(is_connector);
    let start = text.len() - text.trim_start_matches(is_connector).len();
    let mut out = text[..start].to_owned();
    if body.is_empty() {
        return out;
    }
    for word in body.split(is_connector).filter(|word| !word.is_empty()) {
        let mut in_capitals = true;
        for (index, c) in word.chars().enumerate() {
            in_capitals &= c.is_uppercase();
            out.push(match index {
                0 => upper(c),
                _ if in_capitals => lower(c),
                _ => c,
            });
        }
    }
    out.push_str(&text[start + body.len()..]);
    out
}

/// What a run of letters is, as far as splitting into words goes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Connector,
    Other,
}

fn kind(c: char) -> Kind {
    if is_connector(c) {
        Kind::Connector
    } else if c.is_uppercase() {
        Kind::Upper
    } else if c.is_numeric() {
        Kind::Digit
    } else if c.is_alphabetic() {
        Kind::Lower
    } else {
        Kind::Other
    }
}

/// `FirstName`, `HTTPServer`, `first name` → `first_name`, `http_server`, `first_name`.
fn connected(text: &str, connector: char) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (index, &c) in chars.iter().enumerate() {
        let before = index.checked_sub(1).map(|i| kind(chars[i]));
        let after = chars.get(index + 1).map(|&c| kind(c));
        let starts_word = match (before, kind(c)) {
            (Some(Kind::Lower | Kind::Digit), Kind::Upper) => true,
            (Some(Kind::Upper), Kind::Upper) => after == Some(Kind::Lower),
            (Some(Kind::Upper | Kind::Lower), Kind::Digit) => digits_start_word(&chars[index..]),
            _ => false,
        };
        if starts_word {
            out.push(connector);
        }
        out.push(match kind(c) {
            Kind::Connector => connector,
            Kind::Lower | Kind::Upper | Kind::Digit | Kind::Other => lower(c),
        });
    }
    out
}

/// A number belongs to the word before it, unless small letters follow it (`HTTP2xx` → `http_2xx`).
fn digits_start_word(rest: &[char]) -> bool {
    rest.iter()
        .find(|&&c| kind(c) != Kind::Digit)
        .is_some_and(|&c| kind(c) == Kind::Lower)
}

fn initials(text: &str) -> String {
    text.split_whitespace()
        .filter_map(|word| word.chars().next())
        .collect()
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_uppercase() { lower(c) } else { upper(c) }
    };
    text.chars().map(swap).collect()
}

/// Capitalises the first letter of each word, as Go's deprecated `strings.Title` does.
fn title(text: &str) -> String {
    let mut at_start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        out.push(if at_start { upper(c) } else { c });
        at_start = !(c.is_alphanumeric() || c == '_');
    }
    out
}

fn untitle(text: &str) -> String {
    let mut at_start = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        out.push(if at_start { lower(c) } else { c });
        at_start = c.is_whitespace();
    }
    out
}

fn wrap(args: &[Value]) -> Result<Value> {
    let [width, whole] = exactly(args)?;
    Ok(string(wrapped(text(whole)?, size(width)?, "\n", false)))
}

fn wrap_with(args: &[Value]) -> Result<Value> {
    let [width, with, whole] = exactly(args)?;
    Ok(string(wrapped(
        text(whole)?,
        size(width)?,
        text(with)?,
        true,
    )))
}

/// Breaks lines at spaces so that none is longer than `width`; `hard` also breaks long words.
fn wrapped(text: &str, width: usize, with: &str, hard: bool) -> String {
    let width = width.max(1);
    let with = if with.is_empty() { "\n" } else { with };
    let mut out = String::new();
    let mut rest = text;
    while rest.chars().count() > width {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
        let limit = rest
            .char_indices()
            .nth(width)
            .map_or(rest.len(), |(i, _)| i);
        if limit == rest.len() {
            break;
        }
        let window = rest
            .char_indices()
            .nth(width + 1)
            .map_or(rest.len(), |(i, _)| i);
        let (line, after) = if let Some(space) = rest[..window].rfind(' ') {
            (&rest[..space], &rest[space + 1..])
        } else if hard {
            rest.split_at(limit)
        } else if let Some(space) = rest[limit..].find(' ') {
            (&rest[..limit + space], &rest[limit + space + 1..])
        } else {
            break;
        };
        out.push_str(line);
        out.push_str(with);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_split_words_as_sprig_does() {
        assert_eq!(connected("FirstName", '_'), "first_name");
        assert_eq!(connected("HTTPServer", '_'), "http_server");
        assert_eq!(connected("NoHTTPS", '-'), "no-https");
        assert_eq!(connected("GO PATH", '_'), "go_path");
        assert_eq!(connected("HTTP2xx", '_'), "http_2xx");
        assert_eq!(pascal_case("http_server"), "HttpServer");
        assert_eq!(pascal_case("no_https"), "NoHttps");
        assert_eq!(pascal_case("ALL CAPS"), "AllCaps");
        assert_eq!(title("first try, it's"), "First Try, It'S");
        assert_eq!(initials("First Try"), "FT");
    }

    #[test]
    fn wrapping_breaks_at_spaces() {
        assert_eq!(wrapped("Hello World", 5, "\n", false), "Hello\nWorld");
        assert_eq!(wrapped("HelloWorld", 5, "\t", true), "Hello\tWorld");
    }
}
