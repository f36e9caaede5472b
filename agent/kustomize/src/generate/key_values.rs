//! Where the data of generated ConfigMaps and Secrets comes from: env files, literals, files.

use std::collections::BTreeMap;

use muster_model::{Problem, Reason, RepoPath};

use crate::failure::{Step, failed};
use crate::kustomization::GeneratorArgs;
use crate::session::Session;

/// Longest line of an env file that is read; what follows a longer one is left out, as Go's scanner does.
const LONGEST_LINE: usize = 64 << 10;

/// All keys and values; no key may come twice.
pub(crate) fn load(
    session: &mut Session<'_>,
    root: &RepoPath,
    args: &GeneratorArgs,
) -> Step<BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut add = |key: String, value: Vec<u8>| -> Step<()> {
        if all.contains_key(&key) {
            return Err(failed(format!("{} illegally repeats the key {key:?}", args.name)).into());
        }
        all.insert(key, value);
        Ok(())
    };
    for path in &args.envs {
        let path = session.resolve_file(root, path)?;
        let (_, bytes) = session.read(&path)?;
        for (key, value) in env_pairs(&bytes, &path)? {
            add(key, value.into_bytes())?;
        }
    }
    for literal in &args.literals {
        let (key, value) = literal_pair(literal)?;
        add(key.to_owned(), value.as_bytes().to_vec())?;
    }
    for source in &args.files {
        let (key, path) = file_source(source)?;
        let path = session.resolve_file(root, path)?;
        let (_, bytes) = session.read(&path)?;
        add(key.to_owned(), bytes.to_vec())?;
    }
    Ok(all)
}

/// Paths of the files an entry names.
pub(crate) fn file_paths(args: &GeneratorArgs) -> impl Iterator<Item = &str> {
    let files = args
        .files
        .iter()
        .filter_map(|s| file_source(s).ok().map(|(_, path)| path));
    args.envs.iter().map(|e| &**e).chain(files)
}

fn env_pairs(bytes: &[u8], path: &RepoPath) -> Step<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line).map_err(|_| {
            Problem::new(Reason::InvalidField, "a line of the env file is not UTF-8").at(
                muster_model::Location::line(
                    path.to_string(),
                    u32::try_from(number + 1).unwrap_or(0),
                ),
            )
        })?;
        let line = if number == 0 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), value.to_owned()));
        }
    }
    Ok(pairs)
}

fn literal_pair(literal: &str) -> Step<(&str, &str)> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, unquoted(value))),
        _ => Err(failed(format!(
            "invalid literal source {literal:?}, expected key=value"
        ))
        .field("literals")
        .into()),
    }
}

/// The value without the quotes around it.
fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .filter(|_| value.len() >= 2)
        .find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q))
        .unwrap_or(value)
}

fn file_source(source: &str) -> Step<(&str, &str)> {
    let wrong = |what: &str| -> Step<(&str, &str)> {
        Err(failed(format!("{what} in source {source:?}"))
            .field("files")
            .into())
    };
    match source.split('=').collect::<Vec<_>>().as_slice() {
        [path] => Ok((
            path.trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or(path),
            path,
        )),
        ["", _] => wrong("missing key name"),
        [_, ""] => wrong("missing file path"),
        [key, path] => Ok((key, path)),
        _ => wrong("key name or file path contains '='"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_lose_their_quotes() {
        let pair = |text| literal_pair(text).expect("a literal");
        assert_eq!(pair("a='b=c'"), ("a", "b=c"));
        assert_eq!(pair("a=\"b"), ("a", "\"b"));
        assert_eq!(pair("a=\""), ("a", "\""));
        assert!(literal_pair("=b").is_err() && literal_pair("b").is_err());
    }

    #[test]
    fn env_files_have_comments_and_values_as_they_stand() {
        let path = RepoPath::new("x.env").expect("plain");
        let pairs = env_pairs("\u{feff}# c\r\n  A=1 \r\nB\n\nC=a=\"b\"".as_bytes(), &path)
            .expect("an env file");
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(pairs, [("A", "1 "), ("B", ""), ("C", "a=\"b\"")]);
    }
}
