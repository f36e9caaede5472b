//! The labels, annotations and names by which muster knows its own objects, and those of other tools.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::node::Node;
use crate::{ApplicationKey, Digest, Manifest, ObjectId};

/// Label of the ApplySet parent (KEP-3659).
pub const APPLYSET_ID: &str = "applyset.kubernetes.io/id";
/// Label of ApplySet members (KEP-3659); the one watch selector.
pub const APPLYSET_PART_OF: &str = "applyset.kubernetes.io/part-of";
/// Annotation of the parent: the tool and its version (KEP-3659).
pub const APPLYSET_TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Annotation of the parent: comma-separated `Kind.group` (KEP-3659).
pub const APPLYSET_GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Annotation of the parent: comma-separated namespaces other than its own (KEP-3659).
pub const APPLYSET_NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// Label of members: [`ApplicationKey::label`].
pub const APPLICATION: &str = "muster.dev/application";
/// Annotation of members: an [`AppliedMark`].
pub const APPLIED: &str = "muster.dev/applied";
/// Annotation of an Application that takes over objects of other tools.
pub const ADOPT: &str = "muster.dev/adopt";
/// Every label and annotation under this prefix belongs to muster.
pub const PREFIX: &str = "muster.dev/";

/// True for a label or annotation that muster alone sets.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    const OURS: &[&str] = &[
        APPLYSET_ID,
        APPLYSET_PART_OF,
        APPLYSET_TOOLING,
        APPLYSET_GROUP_KINDS,
        APPLYSET_NAMESPACES,
    ];
    OURS.contains(&key) || (key.starts_with(PREFIX) && key != ADOPT)
}

/// The id of an ApplySet whose parent is a ConfigMap: `applyset-<base64url(sha256("name.namespace.ConfigMap."))>-v1`.
#[must_use]
pub fn applyset_id(parent_name: &str, parent_namespace: &str) -> String {
    let hash = Sha256::digest(format!("{parent_name}.{parent_namespace}.ConfigMap."));
    format!("applyset-{}-v1", URL_SAFE_NO_PAD.encode(hash))
}

/// The `muster.dev/applied` annotation: the object's own identity, its Application, and the digest of what was applied.
/// A controller that copies the annotation copies an identity that is not the copy's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AppliedMark {
    /// The identity of the very object that carries the mark.
    pub object: ObjectId,
    /// Whose it is.
    pub application: ApplicationKey,
    /// Digest of the desired content (keyed for Secrets), first 16 hexadecimal digits.
    pub digest: String,
}

impl AppliedMark {
    /// `v1 <digest> <project>/<application> <object id>`.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("v1 {} {} {}", self.digest, self.application, self.object)
    }

    /// Reads what [`Self::encode`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        if words.next() != Some("v1") {
            return None;
        }
        let (digest, application, object) = (words.next()?, words.next()?, words.next()?);
        let (project, name) = application.split_once('/')?;
        Some(Self {
            object: ObjectId::parse(object)?,
            application: ApplicationKey::new(project, name),
            digest: digest.to_owned(),
        })
    }
}

/// The digest of an object for its mark: of its canonical JSON; for Secrets an HMAC-SHA-256 with the cluster's own key,
/// so that nobody can guess at low-entropy values from the annotation.
#[must_use]
pub fn content_digest(manifest: &Manifest, key: &[u8]) -> String {
    let gvk = manifest.gvk();
    if gvk.group.is_empty() && gvk.kind == "Secret" {
        Digest::of_parts([&hmac(key, crate::json::to_canonical(manifest.body()).as_bytes())[..]])
            .short()
    } else {
        manifest.digest().short()
    }
}

/// A digest that only who has the key can repeat: what is shown in place of something secret.
#[must_use]
pub fn keyed(key: &[u8], bytes: &[u8]) -> Digest {
    Digest::of(&hmac(key, bytes))
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new()
        .chain_update(block.map(|b| b ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new()
        .chain_update(block.map(|b| b ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

/// The object as it is sent: the manifest with part-of, application and applied marks.
#[must_use]
pub fn marked(manifest: &Manifest, applyset: &str, mark: &AppliedMark) -> Node {
    let mut body = manifest.body().clone();
    if let Some(map) = body.as_map_mut() {
        let metadata = map.get_or_insert_with("metadata", || Node::map(crate::Map::new()));
        set_in(metadata, "labels", APPLYSET_PART_OF, applyset);
        set_in(metadata, "labels", APPLICATION, &mark.application.label());
        set_in(metadata, "annotations", APPLIED, &mark.encode());
    }
    body
}

fn set_in(metadata: &mut Node, section: &str, key: &str, value: &str) {
    let Some(map) = metadata.as_map_mut() else {
        return;
    };
    let section = map.get_or_insert_with(section, || Node::map(crate::Map::new()));
    if section.as_map().is_none() {
        *section = Node::map(crate::Map::new());
    }
    if let Some(section) = section.as_map_mut() {
        section.insert(key, Node::string(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_the_one_of_rfc_4231() {
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            crate::digest::hex(&mac),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_mark_reads_back_what_it_prints() {
        let mark = AppliedMark {
            object: ObjectId::new("apps", "Deployment", "shop", "web"),
            application: ApplicationKey::new("shop", "shop-east"),
            digest: "0123456789abcdef".to_owned(),
        };
        assert_eq!(AppliedMark::parse(&mark.encode()), Some(mark));
        assert_eq!(AppliedMark::parse("v2 x"), None);
    }

    #[test]
    fn the_applyset_id_is_the_one_of_kep_3659() {
        assert!(
            applyset_id("muster", "muster-system").starts_with("applyset-")
                && applyset_id("a", "b").ends_with("-v1")
        );
    }
}
