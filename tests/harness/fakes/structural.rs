//! What an API server does to a custom object by its definition: fields that are not declared go, defaults come.

use serde_json::Value;

/// The same to a whole object: its identity and metadata are always declared.
pub fn coerce(schema: &Value, object: &mut Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    let declared = &schema["properties"];
    let whole = preserves(schema);
    map.retain(|key, _| whole || is_envelope(key) || declared[key].is_object());
    for (key, value) in map.iter_mut().filter(|(key, _)| !is_envelope(key)) {
        below(&declared[key], value);
    }
    add_defaults(declared, map, true);
}

fn is_envelope(key: &str) -> bool {
    matches!(key, "apiVersion" | "kind" | "metadata")
}

fn preserves(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
}

fn below(schema: &Value, value: &mut Value) {
    if !schema.is_object() {
        // Kept as it is below a field that keeps whatever it is given.
        return;
    }
    match value {
        Value::Object(map) => {
            let (declared, others) = (&schema["properties"], &schema["additionalProperties"]);
            let whole = preserves(schema) || others.is_object() || *others == true;
            map.retain(|key, _| whole || declared[key].is_object());
            for (key, value) in map.iter_mut() {
                let schema = if declared[key].is_object() {
                    &declared[key]
                } else {
                    others
                };
                below(schema, value);
            }
            add_defaults(declared, map, false);
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| below(&schema["items"], item)),
        _ => {}
    }
}

fn add_defaults(declared: &Value, map: &mut serde_json::Map<String, Value>, top: bool) {
    for (key, schema) in declared.as_object().into_iter().flatten() {
        if schema["default"].is_null() || map.contains_key(key) || (top && is_envelope(key)) {
            continue;
        }
        let mut value = schema["default"].clone();
        below(schema, &mut value);
        map.insert(key.clone(), value);
    }
}

/// True when the object has a field that its definition does not declare: server-side apply refuses it.
#[must_use]
pub fn has_undeclared(schema: &Value, object: &Value) -> bool {
    let mut kept = object.clone();
    coerce(schema, &mut kept);
    !has_all(&kept, object)
}

/// True when everything of `object` is in `kept`, which may have more.
fn has_all(kept: &Value, object: &Value) -> bool {
    match (kept, object) {
        (Value::Object(kept), Value::Object(object)) => object
            .iter()
            .all(|(key, value)| kept.get(key).is_some_and(|kept| has_all(kept, value))),
        (Value::Array(kept), Value::Array(object)) => {
            kept.len() == object.len() && kept.iter().zip(object).all(|(k, o)| has_all(k, o))
        }
        _ => kept == object,
    }
}
