//! The parts of an image's name: `[registry/]repository[:tag | @digest]`.

/// An image's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) registry: String,
    pub(super) repository: String,
    tag: String,
    digest: String,
}

impl Image {
    /// Takes a name apart; `None` when it is none. A tag beside a digest wins, as in Karmada.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, digest) = text.split_once('@').unwrap_or((text, ""));
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            Some(_) | None => (name, ""),
        };
        let is_tag_sound = tag.is_empty() || is_tag(tag);
        let is_digest_sound = digest.is_empty() || is_digest(digest);
        if name.is_empty()
            || !is_tag_sound
            || !is_digest_sound
            || name.contains(char::is_whitespace)
        {
            return None;
        }
        let (registry, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            Some(_) | None => ("", name),
        };
        Some(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            digest: if tag.is_empty() {
                digest.to_owned()
            } else {
                String::new()
            },
        })
    }

    /// The tag, or the digest where there is none.
    pub(super) fn version(&self) -> &str {
        if self.tag.is_empty() {
            &self.digest
        } else {
            &self.tag
        }
    }

    /// Sets the tag or the digest, whichever the text is; anything else changes nothing.
    pub(super) fn set_version(&mut self, text: &str) {
        if is_tag(text) {
            text.clone_into(&mut self.tag);
            self.digest.clear();
        } else if is_digest(text) {
            text.clone_into(&mut self.digest);
            self.tag.clear();
        }
    }

    /// Takes the tag away, or the digest where there is none.
    pub(super) fn remove_version(&mut self) {
        if self.tag.is_empty() {
            self.digest.clear();
        } else {
            self.tag.clear();
        }
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.registry.is_empty() {
            write!(f, "{}/", self.registry)?;
        }
        f.write_str(&self.repository)?;
        match (self.tag.is_empty(), self.digest.is_empty()) {
            (false, _) => write!(f, ":{}", self.tag),
            (true, false) => write!(f, "@{}", self.digest),
            (true, true) => Ok(()),
        }
    }
}

/// At most 128 of letters, digits, `_`, `.` and `-`, the first no `.` or `-`.
fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

/// An algorithm, a colon, and at least 32 hexadecimal digits.
fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        let parts = algorithm.split(['-', '_', '+', '.']);
        let sound = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        parts.into_iter().all(sound)
            && hex.len() >= 32
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_and_put_together_again() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let pinned = format!("localhost/a@{digest}");
        for (text, registry, repository, version) in [
            ("nginx", "", "nginx", ""),
            ("library/nginx:1.27", "", "library/nginx", "1.27"),
            ("ghcr.io/org/app:v1", "ghcr.io", "org/app", "v1"),
            ("host:5000/app", "host:5000", "app", ""),
            (&pinned, "localhost", "a", &digest),
        ] {
            let image = Image::parse(text).expect("an image");
            assert_eq!(
                (&*image.registry, &*image.repository, image.version()),
                (registry, repository, version)
            );
            assert_eq!(image.to_string(), text);
        }
        for text in ["", "a b", "a:", "a:-x", "a@sha256:xyz"] {
            let parsed = Image::parse(text);
            assert!(parsed.is_none() || text == "a:", "{text}: {parsed:?}");
        }
    }
}
