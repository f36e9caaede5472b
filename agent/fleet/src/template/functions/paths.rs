//! sprig's functions over paths and URLs.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{dict, exactly, fail, string, text};
use super::strings::one;
use crate::params::{self, Params};

pub(super) const TABLE: &[(&str, Function)] = &[
    ("base", |a| one(a, base)),
    ("clean", |a| one(a, clean)),
    ("dir", |a| one(a, dir)),
    ("ext", |a| one(a, ext)),
    ("isAbs", is_absolute),
    ("osBase", |a| one(a, base)),
    ("osClean", |a| one(a, clean)),
    ("osDir", |a| one(a, dir)),
    ("osExt", |a| one(a, ext)),
    ("osIsAbs", is_absolute),
    ("urlJoin", url_join),
    ("urlParse", url_parse),
];

fn is_absolute(args: &[Value]) -> Result<Value> {
    Ok(Value::Bool(text(&exactly::<1>(args)?[0])?.starts_with('/')))
}

/// The last element; `.` for nothing, `/` for only slashes.
pub(crate) fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        None | Some("") => "/".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn dir(path: &str) -> String {
    let end = path.rfind('/').map_or(0, |index| index + 1);
    clean(&path[..end])
}

fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rfind('.').map_or("", |index| &name[index..]).to_owned()
}

/// The shortest path of the same meaning, by words alone.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn url_parse(args: &[Value]) -> Result<Value> {
    let whole = text(&exactly::<1>(args)?[0])?;
    if whole.chars().any(char::is_control) {
        return fail("unable to parse url: invalid control character in URL");
    }
    let (rest, fragment) = whole.split_once('#').unwrap_or((whole, ""));
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, after)) if is_scheme(scheme) => (scheme.to_lowercase(), after),
        _ => (String::new(), rest),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path, opaque) = match rest.strip_prefix("//") {
        Some(after) => match after.find('/') {
            Some(index) => (&after[..index], &after[index..], ""),
            None => (after, "", ""),
        },
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", "", rest),
        None => ("", rest, ""),
    };
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let hostname = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let parts = [
        ("scheme", &*scheme),
        ("userinfo", userinfo),
        ("host", host),
        ("hostname", hostname.trim_matches(['[', ']'])),
        ("path", path),
        ("query", query),
        ("opaque", opaque),
        ("fragment", fragment),
    ];
    let entries = parts.map(|(key, value)| (key.into(), string(value)));
    Ok(params::map(Params::from(entries)))
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn url_join(args: &[Value]) -> Result<Value> {
    let parts = dict(&exactly::<1>(args)?[0])?;
    let part = |name: &str| parts.get(name).map_or(Ok(""), text);
    let mut out = String::new();
    if !part("scheme")?.is_empty() {
        out.push_str(part("scheme")?);
        out.push(':');
    }
    if part("opaque")?.is_empty() {
        let (user, host, path) = (part("userinfo")?, part("host")?, part("path")?);
        if !out.is_empty() || !host.is_empty() || !user.is_empty() {
            if !host.is_empty() || !path.is_empty() || !user.is_empty() {
                out.push_str("//");
            }
            if !user.is_empty() {
                out.push_str(user);
                out.push('@');
            }
            out.push_str(host);
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        out.push_str(path);
    } else {
        out.push_str(part("opaque")?);
    }
    for (mark, name) in [('?', "query"), ('#', "fragment")] {
        if !part(name)?.is_empty() {
            out.push(mark);
            out.push_str(part(name)?);
        }
    }
    Ok(string(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_go() {
        assert_eq!((base("a/b/"), base(""), base("//")), ("b".into(), ".".into(), "/".into()));
        assert_eq!((dir("a/b/c"), dir("a"), dir("/")), ("a/b".into(), ".".into(), "/".into()));
        assert_eq!(clean("a/../../b/./c/"), "../b/c");
        assert_eq!(ext("a.b/c.tar.gz"), ".gz");
    }

    #[test]
    fn urls_come_apart_and_together_again() {
        let url = "https://user:pw@host:8443/a/b?x=1#f";
        let parts = url_parse(&[string(url)]).expect("a URL");
        assert_eq!(parts.field("hostname"), Some(&string("host")));
        assert_eq!(url_join(&[parts]).expect("parts"), string(url));
    }
}
