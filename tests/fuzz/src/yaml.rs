//! YAML in: every reader ends, and what the printer prints reads back as the same values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_model::node::NumberValue;
use muster_model::{Budgets, Node, Value, json, yaml};

fuzz_target!(|bytes: &[u8]| {
    let budgets = Budgets::default();
    for read in [yaml::read_resources, yaml::read_kustomization] {
        drop(read(bytes, &budgets, 0));
    }
    let Ok(documents) = yaml::read(bytes, &budgets, 0) else {
        return;
    };
    for document in documents {
        let printed = yaml::to_string(&document);
        let again = yaml::read(printed.as_bytes(), &Budgets::default(), 0)
            .unwrap_or_else(|e| panic!("{e}\n{printed}"));
        match again.as_slice() {
            [] => assert!(document.is_null(), "lost\n{printed}"),
            // As JSON: `79.` is a floating point number that prints as an integer.
            [one] => assert_eq!(canonical(one), canonical(&document)),
            _ => panic!("several documents\n{printed}"),
        }
    }
});

/// The value as JSON. Minus zero counts as zero: `-0.` prints as the integer `-0`, which has no sign.
fn canonical(node: &Node) -> String {
    let mut node = node.clone();
    unsign(&mut node);
    json::to_canonical(&node)
}

fn unsign(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => map.iter_mut().for_each(|(_, value)| unsign(value)),
        Value::List(items) => items.iter_mut().for_each(unsign),
        Value::Number(number) if matches!(number.value, NumberValue::Float(0.0)) => {
            number.value = NumberValue::Int(0);
        }
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
