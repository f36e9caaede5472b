//! What kustomize would fetch over the network. Here it is refused before anything is resolved.

use muster_model::{Problem, Reason};

/// True for a URL, a Git address or one of their abbreviations.
#[must_use]
pub fn is_remote(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if [
        "github.com/",
        "github.com:",
        "gh:",
        "git::",
        "s3::",
        "hg::",
        "gcs::",
    ]
    .iter()
    .any(|p| lower.starts_with(p))
    {
        return true;
    }
    if let Some((scheme, _)) = lower.split_once("://")
        && !scheme.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b':'))
    {
        return true;
    }
    // user@host:path
    lower.split_once('@').is_some_and(|(user, rest)| {
        !user.is_empty()
            && !user.contains(['/', ' ', '\n', ':'])
            && rest
                .split_once([':', '/'])
                .is_some_and(|(host, _)| !host.is_empty() && !host.contains(['/', ' ', '\n']))
    }) && !text.starts_with(['.', '/'])
}

/// The refusal of a remote address.
pub(crate) fn refusal(text: &str) -> Problem {
    Problem::new(Reason::RemoteBaseNotAllowed, format!("{text:?} is remote"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_addresses_are_told_from_paths() {
        for remote in [
            "https://example.com/x.yaml",
            "github.com/org/repo//x?ref=v1",
            "git::https://example.com/r",
            "s3::https://x",
            "ssh://git@example.com/r",
            "file:///tmp/r",
            "git@github.com:org/repo.git",
        ] {
            assert!(is_remote(remote), "{remote}");
        }
        for local in [
            "../base",
            "a/b.yaml",
            "deploy@2x.yaml",
            "./x",
            "github.com-like/x",
        ] {
            assert!(!is_remote(local), "{local}");
        }
    }
}
