//! YAML in: every reader ends, and what the printer prints reads back as the same values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_model::{Budgets, json, yaml};

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
            [one] => assert_eq!(json::to_canonical(one), json::to_canonical(&document)),
            _ => panic!("several documents\n{printed}"),
        }
    }
});
