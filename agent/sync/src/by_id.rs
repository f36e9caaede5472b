//! Maps keyed by objects, serialised with the objects' printed ids as keys: JSON has no other keys than texts.

use std::collections::BTreeMap;

use muster_model::ObjectId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<V: Serialize, S: Serializer>(
    map: &BTreeMap<ObjectId, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(id, value)| (id.to_string(), value)))
}

pub(crate) fn deserialize<'de, V: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ObjectId, V>, D::Error> {
    BTreeMap::<String, V>::deserialize(deserializer)?
        .into_iter()
        .map(|(text, value)| {
            let id = ObjectId::parse(&text)
                .ok_or_else(|| D::Error::custom(format!("{text:?} names no object")))?;
            Ok((id, value))
        })
        .collect()
}
