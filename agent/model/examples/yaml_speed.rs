//! Measures the reader and the writers on files: `cargo run --release -p muster-model --example yaml_speed -- FILE…`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a measurement reads files and a clock, and prints"
)]

use std::time::Instant;

use muster_model::{Budgets, Digest, json, yaml};

/// Megabytes per second over at least a second.
fn measure(bytes: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut rounds = 0u32;
    while start.elapsed().as_secs_f64() < 1.0 {
        work();
        rounds += 1;
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(rounds);
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / seconds / 1e6
}

fn main() {
    let budgets = Budgets::default();
    let files: Vec<Vec<u8>> = std::env::args()
        .skip(1)
        .map(|path| std::fs::read(path).expect("a readable file"))
        .collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let documents: Vec<_> = files
        .iter()
        .flat_map(|file| yaml::read(file, &budgets, 0).expect("YAML"))
        .collect();
    println!("{bytes} bytes, {} documents", documents.len());
    let read = measure(bytes, || {
        for file in &files {
            std::hint::black_box(yaml::read(file, &budgets, 0).is_ok());
        }
    });
    println!("read           {read:8.1} MB/s");
    let printed = yaml::write_documents(&documents).len();
    let write = measure(printed, || {
        std::hint::black_box(yaml::write_documents(&documents));
    });
    println!("write          {write:8.1} MB/s");
    let length = documents.iter().map(|d| json::to_canonical(d).len()).sum();
    let canonical = measure(length, || {
        for document in &documents {
            std::hint::black_box(json::to_canonical(document));
        }
    });
    println!("canonical JSON {canonical:8.1} MB/s");
    let digest = measure(length, || {
        for document in &documents {
            std::hint::black_box(Digest::of(json::to_canonical(document).as_bytes()));
        }
    });
    println!("digest         {digest:8.1} MB/s");
    let clone = measure(bytes, || {
        std::hint::black_box(documents.clone());
    });
    println!("clone          {clone:8.1} MB/s");
}
