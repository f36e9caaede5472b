//! Which redirects are followed: those that spell the same repository of the same server another way.

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::url::Origin;

/// The base URL that `location` gives for the repository at `base`, when only a trailing `.git`, a slash or letter case
/// differ (HAZARDS.md T-42, T-43). What is refused is named.
pub(crate) fn judge(
    base: &str,
    suffix: &str,
    location: Option<&HeaderValue>,
) -> Result<String, &'static str> {
    let asked = Url::parse(&format!("{base}{suffix}")).map_err(|_| "no valid request")?;
    let target = location
        .and_then(|value| value.to_str().ok())
        .and_then(|text| asked.join(text).ok())
        .ok_or("no valid Location")?;
    if !target.username().is_empty() || target.password().is_some() {
        return Err("it puts credentials into the URL");
    }
    if target.scheme() != asked.scheme() {
        return Err("another scheme");
    }
    if Origin::of(&target) != Origin::of(&asked) {
        return Err("another host or port");
    }
    let text = target.as_str();
    let base_target = text.strip_suffix(suffix).ok_or("another request")?;
    if canonical(base_target) != canonical(base) {
        return Err("another repository");
    }
    Ok(base_target.trim_end_matches('/').to_owned())
}

fn canonical(base: &str) -> String {
    let lower = base.trim_end_matches('/').to_ascii_lowercase();
    lower.strip_suffix(".git").unwrap_or(&lower).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUFFIX: &str = "/info/refs?service=git-upload-pack";

    fn to(location: &str) -> Result<String, &'static str> {
        let value = HeaderValue::from_str(location).expect("a header");
        judge("https://git.example/Org/hub", SUFFIX, Some(&value))
    }

    #[test]
    fn another_spelling_of_the_same_repository_is_followed() {
        assert_eq!(
            to("/Org/hub.git/info/refs?service=git-upload-pack").as_deref(),
            Ok("https://git.example/Org/hub.git")
        );
        assert_eq!(
            to("https://git.example:443/org/hub/info/refs?service=git-upload-pack").as_deref(),
            Ok("https://git.example/org/hub")
        );
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (location, why) in [
            (
                "https://evil.example/Org/hub/info/refs?service=git-upload-pack",
                "another host or port",
            ),
            (
                "https://git.example:444/Org/hub/info/refs?service=git-upload-pack",
                "another host or port",
            ),
            (
                "http://git.example/Org/hub/info/refs?service=git-upload-pack",
                "another scheme",
            ),
            (
                "https://x@git.example/Org/hub/info/refs?service=git-upload-pack",
                "it puts credentials into the URL",
            ),
            (
                "/Org/other/info/refs?service=git-upload-pack",
                "another repository",
            ),
            (
                "/Org/hub/info/refs?service=git-receive-pack",
                "another request",
            ),
            ("/login", "another request"),
        ] {
            assert_eq!(to(location), Err(why), "{location}");
        }
        assert!(judge("https://git.example/x", SUFFIX, None).is_err());
    }
}
