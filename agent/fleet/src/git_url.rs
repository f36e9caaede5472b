//! Git URLs, compared as Argo CD compares them.

/// The form in which two spellings of one repository are equal: lower case, without `.git` and `ssh://`.
#[must_use]
pub fn normalise(url: &str) -> String {
    let mut text = url.trim().to_lowercase();
    if is_ssh(&text) && !text.starts_with("ssh://") {
        text = format!("ssh://{}", text.replacen(':', "/", 1));
    }
    let text = text.strip_suffix(".git").unwrap_or(&text);
    text.strip_prefix("ssh://").unwrap_or(text).to_owned()
}

/// `user@host:path` or `ssh://user@host/path`, with one `@`.
#[must_use]
pub fn is_ssh(text: &str) -> bool {
    let rest = text.strip_prefix("ssh://").unwrap_or(text);
    rest.split_once('@').is_some_and(|(user, rest)| {
        !user.contains(['/', ':']) && !rest.is_empty() && !rest.contains('@')
    })
}

/// A URL for messages: shortened, and without credentials.
#[must_use]
pub fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split('/').next().unwrap_or_default();
    let hidden = match host.rsplit_once('@') {
        Some((user, _)) if !scheme.is_empty() && user.contains(':') => &rest[user.len() + 1..],
        _ => rest,
    };
    let scheme = if scheme.is_empty() {
        String::new()
    } else {
        format!("{scheme}://")
    };
    format!("{scheme}{hidden}").chars().take(200).collect()
}

/// Says why a URL is not one muster fetches from (HAZARDS.md T-45, T-46); `None` when it is.
#[must_use]
pub fn error(url: &str) -> Option<String> {
    let shown: String = url.chars().take(200).collect();
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some(format!("`{shown}` has blanks or control characters"));
    }
    if let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    {
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return Some(
                "the URL carries credentials; they belong into the agent's Secret".to_owned(),
            );
        }
        return host.is_empty().then(|| format!("`{shown}` has no host"));
    }
    if is_ssh(url) {
        let rest = url.strip_prefix("ssh://").unwrap_or(url);
        let host = rest.split_once('@').map_or("", |(_, host)| host);
        return (rest.starts_with('-') || host.starts_with('-'))
            .then(|| format!("`{shown}` would be read as an option"));
    }
    Some(format!("`{shown}` is neither https:// nor ssh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_repository_are_equal() {
        let one = normalise("git@GitHub.com:Org/Repo.git");
        assert_eq!(one, "git@github.com/org/repo");
        assert_eq!(normalise("ssh://git@github.com/org/repo"), one);
        assert_eq!(
            normalise(" https://github.com/Org/Repo.git "),
            "https://github.com/org/repo"
        );
    }

    #[test]
    fn urls_with_credentials_or_options_are_refused() {
        for bad in [
            "https://token@host/x",
            "https:///x",
            "ssh://-oProxyCommand=x/y",
            "file:///etc",
            "https://host/\r\nx",
            "-x@host:y",
        ] {
            assert!(error(bad).is_some(), "{bad}");
        }
        assert_eq!(error("https://github.com/a/b.git"), None);
        assert_eq!(error("git@github.com:a/b.git"), None);
    }
}
