//! Argo CD's own functions over names.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{boolean, count, fail, int, string, text};
use super::strings::one;

/// Longest DNS subdomain; Argo CD cuts normalised names there.
const MAX_NORMALISED: usize = 253;
/// Length of a slug when none is given, as in Argo CD.
const DEFAULT_SLUG: usize = 50;

pub(super) const TABLE: &[(&str, Function)] =
    &[("normalize", |a| one(a, normalise)), ("slugify", slugify)];

/// Lower case, everything but letters, digits, `-` and `.` replaced by `-`, cut and trimmed.
pub(crate) fn normalise(name: &str) -> String {
    let lower = name.to_lowercase();
    let keep = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let replaced: String = lower
        .chars()
        .map(|c| if keep(c) { c } else { '-' })
        .collect();
    let cut = &replaced[..replaced.len().min(MAX_NORMALISED)];
    cut.trim_matches(['-', '.']).to_owned()
}

/// `slugify [length [smart]] name`.
fn slugify(args: &[Value]) -> Result<Value> {
    count(args, 1, 3)?;
    let Some((name, options)) = args.split_last() else {
        return fail("slugify: no name");
    };
    let length = options.first().map_or(Ok(DEFAULT_SLUG), |value| {
        int(value).map(|n| usize::try_from(n).unwrap_or_default())
    })?;
    let smart = options.get(1).map_or(Ok(true), boolean)?;
    let slug = slug(&normalise(text(name)?));
    Ok(string(match (length, smart) {
        (0, _) => slug,
        (length, true) => smart_cut(&slug, length),
        (length, false) => {
            let cut = &slug[..slug.len().min(length)];
            cut.trim_matches(['-', '_']).to_owned()
        }
    }))
}

/// Only letters, digits, `-` and `_`, no `-` twice in a row or at an end.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        };
        if c != '-' || !out.ends_with('-') {
            out.push(c);
        }
    }
    out.trim_matches(['-', '_']).to_owned()
}

/// Cut at the last `-` within the length; a first word longer than it is cut in the middle.
fn smart_cut(slug: &str, length: usize) -> String {
    if slug.len() <= length {
        return slug.to_owned();
    }
    let end = if slug.as_bytes()[length] == b'-' {
        length
    } else {
        slug[..length].rfind('-').unwrap_or(length)
    };
    slug[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_as_argo_cd_does() {
        assert_eq!(normalise("production_01/west"), "production-01-west");
        assert_eq!(normalise("-A.B-"), "a.b");
    }

    #[test]
    fn slugs_are_cut_at_words() {
        let slug = |length: i64, smart: bool, name: &str| {
            let args = [Value::Int(length), Value::Bool(smart), string(name)];
            slugify(&args).expect("arguments").to_string()
        };
        assert_eq!(
            slug(23, true, "feat/a_really+long_pull_request_name"),
            "feat-a-really-long-pull"
        );
        assert_eq!(
            slug(23, false, "feat/areallylongpullrequestname"),
            "feat-areallylongpullreq"
        );
        assert_eq!(slug(6, false, "feat/-x"), "feat-x");
        assert_eq!(slug(5, false, "feat/-x"), "feat");
        assert_eq!(slug(50, true, "feat/"), "feat");
    }
}
