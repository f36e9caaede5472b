//! A rendered manifest, made ready to be sent and compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use muster_model::{Manifest, Map, Node};

/// Takes away what is not the user's to set, and merges a Secret's `stringData` into `data`: the server would do so
/// itself, and a change of `data` in the cluster would go unseen (HAZARDS.md T-81).
#[must_use]
pub(crate) fn prepare(manifest: Manifest) -> Manifest {
    let is_secret = manifest.gvk().group.is_empty() && manifest.gvk().kind == "Secret";
    let mut body = manifest.clone().into_body();
    if let Some(map) = body.as_map_mut() {
        map.remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Node::as_map_mut) {
            for field in SERVER_FIELDS {
                metadata.remove(field);
            }
        }
        if is_secret {
            merge_string_data(map);
        }
    }
    // An object that lost its status and server fields still has an identity.
    Manifest::new(body).unwrap_or(manifest)
}

/// Metadata the server writes; exports contain it.
const SERVER_FIELDS: &[&str] = &[
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

fn merge_string_data(secret: &mut Map) {
    let Some(texts) = secret.remove("stringData") else {
        return;
    };
    let Some(texts) = texts.as_map() else {
        return;
    };
    let data = secret.get_or_insert_with("data", || Node::map(Map::new()));
    if data.as_map().is_none() {
        *data = Node::map(Map::new());
    }
    let Some(data) = data.as_map_mut() else {
        return;
    };
    for (key, value) in texts.iter() {
        let text = value.as_str().unwrap_or_default();
        data.insert(key, Node::string(STANDARD.encode(text)));
    }
}
