//! sprig's functions over texts.

use gotmpl::{Result, Value};

use super::Function;
use super::args::{exactly, fail, int, show, size, string, strings, text, texts};

pub(super) const TABLE: &[(&str, Function)] = &[
    ("abbrev", abbrev),
    ("abbrevboth", abbrev_both),
    ("cat", cat),
    ("contains", |a| {
        pair(a, |part, whole| Value::Bool(whole.contains(part)))
    }),
    ("hasPrefix", |a| {
        pair(a, |part, whole| Value::Bool(whole.starts_with(part)))
    }),
    ("hasSuffix", |a| {
        pair(a, |part, whole| Value::Bool(whole.ends_with(part)))
    }),
    ("indent", |a| indented(a, "")),
    ("nindent", |a| indented(a, "\n")),
    ("join", join),
    ("lower", |a| one(a, str::to_lowercase)),
    ("upper", |a| one(a, str::to_uppercase)),
    ("nospace", |a| one(a, |t| t.split_whitespace().collect())),
    ("plural", plural),
    ("quote", quote),
    ("squote", squote),
    ("repeat", repeat),
    ("replace", replace),
    ("split", split),
    ("splitList", split_list),
    ("splitn", splitn),
    ("substr", substr),
    ("toString", |a| Ok(string(show(&exactly::<1>(a)?[0])))),
    ("toStrings", |a| Ok(strings(texts(&exactly::<1>(a)?[0])))),
    ("trim", |a| one(a, |t| t.trim().to_owned())),
    ("trimAll", trim_all),
    ("trimall", trim_all),
    ("trimPrefix", |a| {
        pair(a, |part, whole| {
            string(whole.strip_prefix(part).unwrap_or(whole))
        })
    }),
    ("trimSuffix", |a| {
        pair(a, |part, whole| {
            string(whole.strip_suffix(part).unwrap_or(whole))
        })
    }),
    ("trunc", trunc),
];

/// A function of one text.
pub(super) fn one(args: &[Value], f: impl Fn(&str) -> String) -> Result<Value> {
    Ok(string(f(text(&exactly::<1>(args)?[0])?)))
}

fn pair(args: &[Value], f: impl Fn(&str, &str) -> Value) -> Result<Value> {
    let [first, second] = exactly(args)?;
    Ok(f(text(first)?, text(second)?))
}

fn abbrev(args: &[Value]) -> Result<Value> {
    let [width, whole] = exactly(args)?;
    let (width, whole) = (int(width)?, text(whole)?);
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    if width < 4 || length <= width {
        return Ok(string(whole));
    }
    Ok(string(format!("{}...", cut(whole, 0, width - 3))))
}

/// Keeps a part in the middle: `left` bytes are skipped, `width` remain, dots included.
fn abbrev_both(args: &[Value]) -> Result<Value> {
    let [left, width, whole] = exactly(args)?;
    let (left, width, whole) = (int(left)?, int(width)?, text(whole)?);
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    if width < 4 || (left > 0 && width < 7) || length <= width {
        return Ok(string(whole));
    }
    let kept = width - 3;
    let offset = left.min(length - kept);
    if offset <= 4 {
        return Ok(string(format!("{}...", cut(whole, 0, kept))));
    }
    if offset + kept < length {
        let end = offset + kept - 3;
        return Ok(string(format!("...{}...", cut(whole, offset, end))));
    }
    Ok(string(format!("...{}", cut(whole, length - kept, length))))
}

fn cat(args: &[Value]) -> Result<Value> {
    let parts: Vec<String> = args
        .iter()
        .filter(|arg| !matches!(arg, Value::Nil))
        .map(show)
        .collect();
    Ok(string(parts.join(" ")))
}

fn indented(args: &[Value], before: &str) -> Result<Value> {
    let [spaces, lines] = exactly(args)?;
    let pad = " ".repeat(size(spaces)?);
    let lines = text(lines)?;
    let breaks = lines.matches('\n').count();
    if pad.len().saturating_mul(breaks) > 1 << 22 {
        return fail("the indented text is too long");
    }
    let inner = lines.replace('\n', &format!("\n{pad}"));
    Ok(string(format!("{before}{pad}{inner}")))
}

fn join(args: &[Value]) -> Result<Value> {
    let [separator, items] = exactly(args)?;
    Ok(string(texts(items).join(text(separator)?)))
}

fn plural(args: &[Value]) -> Result<Value> {
    let [one, many, count] = exactly(args)?;
    let chosen = if int(count)? == 1 { one } else { many };
    Ok(string(text(chosen)?))
}

fn quote(args: &[Value]) -> Result<Value> {
    let quoted = |arg: &Value| go_quote(&show(arg));
    let present = args.iter().filter(|arg| !matches!(arg, Value::Nil));
    Ok(string(present.map(quoted).collect::<Vec<_>>().join(" ")))
}

/// Go's `%q`.
fn go_quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn squote(args: &[Value]) -> Result<Value> {
    let present = args.iter().filter(|arg| !matches!(arg, Value::Nil));
    let quoted: Vec<String> = present.map(|arg| format!("'{}'", show(arg))).collect();
    Ok(string(quoted.join(" ")))
}

fn repeat(args: &[Value]) -> Result<Value> {
    let [times, part] = exactly(args)?;
    let (times, part) = (size(times)?, text(part)?);
    if part.len().saturating_mul(times) > 1 << 20 {
        return fail("the repeated text is longer than 1 MiB");
    }
    Ok(string(part.repeat(times)))
}

fn replace(args: &[Value]) -> Result<Value> {
    let [old, new, whole] = exactly(args)?;
    let (old, new, whole) = (text(old)?, text(new)?, text(whole)?);
    if new.len().saturating_mul(whole.len() + 1) > 1 << 24 {
        return fail("the replaced text may grow too long");
    }
    Ok(string(whole.replace(old, new)))
}

fn split(args: &[Value]) -> Result<Value> {
    let [separator, whole] = exactly(args)?;
    Ok(numbered(go_split(text(whole)?, text(separator)?, None)))
}

fn splitn(args: &[Value]) -> Result<Value> {
    let [separator, most, whole] = exactly(args)?;
    let most = usize::try_from(int(most)?).ok();
    Ok(numbered(go_split(text(whole)?, text(separator)?, most)))
}

fn split_list(args: &[Value]) -> Result<Value> {
    let [separator, whole] = exactly(args)?;
    Ok(strings(go_split(text(whole)?, text(separator)?, None)))
}

/// Go's `strings.SplitN`: an empty separator splits into characters, a negative limit is none.
fn go_split<'t>(whole: &'t str, separator: &str, most: Option<usize>) -> Vec<&'t str> {
    if most == Some(0) {
        return Vec::new();
    }
    if !separator.is_empty() {
        return match most {
            Some(most) => whole.splitn(most, separator).collect(),
            None => whole.split(separator).collect(),
        };
    }
    let mut starts: Vec<usize> = whole.char_indices().map(|(index, _)| index).collect();
    starts.truncate(most.unwrap_or(usize::MAX));
    let ends = starts.iter().skip(1).copied().chain([whole.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &whole[start..end])
        .collect()
}

fn numbered(parts: Vec<&str>) -> Value {
    let entry = |(index, part)| (format!("_{index}").into(), string(part));
    crate::params::map(parts.into_iter().enumerate().map(entry).collect())
}

fn substr(args: &[Value]) -> Result<Value> {
    let [start, end, whole] = exactly(args)?;
    let (start, end, whole) = (int(start)?, int(end)?, text(whole)?);
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    if start < 0 {
        return range(whole, 0, end);
    }
    if end < 0 || end > length {
        return range(whole, start, length);
    }
    range(whole, start, end)
}

fn range(whole: &str, start: i64, end: i64) -> Result<Value> {
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    if start < 0 || end < start || end > length {
        return fail(format!("slice bounds out of range [{start}:{end}]"));
    }
    Ok(string(cut(whole, start, end)))
}

/// Bytes `start..end`; a cut within a character gives U+FFFD for what is left of it.
fn cut(whole: &str, start: i64, end: i64) -> String {
    let index = |at: i64| usize::try_from(at).unwrap_or_default();
    let bytes = whole.as_bytes().get(index(start)..index(end));
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn trim_all(args: &[Value]) -> Result<Value> {
    pair(args, |set, whole| {
        string(whole.trim_matches(|c| set.contains(c)))
    })
}

fn trunc(args: &[Value]) -> Result<Value> {
    let [length, whole] = exactly(args)?;
    let (length, whole) = (int(length)?, text(whole)?);
    let bytes = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    if length < 0 && bytes + length > 0 {
        return Ok(string(cut(whole, bytes + length, bytes)));
    }
    if length >= 0 && bytes > length {
        return Ok(string(cut(whole, 0, length)));
    }
    Ok(string(whole))
}
