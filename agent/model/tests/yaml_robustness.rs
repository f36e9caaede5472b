//! Feeds the reader damaged files: it must answer, soon, and print what it read in a way that reads the same.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::disallowed_types,
    reason = "a test reads its cases, watches the clock and reports"
)]

mod yaml_texts;

use muster_model::{Budgets, yaml};
use yaml_texts::{Rng, document, real_files};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Bytes that mean something to YAML, and some that are no UTF-8.
const BYTES: &[u8] =
    b"-:?,[]{}#&*!|>'\"%@` \t\r\n\\~<=0\x00\x7f\x80\xc2\x85\xe2\xa8\xff\xef\xbb\xbf";

fn damage(rng: &mut Rng, file: &[u8]) -> Vec<u8> {
    let start = rng.below(file.len());
    let mut bytes = file[start..(start + rng.below(4_000)).min(file.len())].to_vec();
    for _ in 0..rng.below(12) + 1 {
        let at = rng.below(bytes.len() + 1);
        match rng.below(5) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => {
                bytes.remove(at);
            }
            2 if at < bytes.len() => bytes[at] = BYTES[rng.below(BYTES.len())],
            3 => {
                let end = (at + rng.below(60)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = rng.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            _ => bytes.insert(at, BYTES[rng.below(BYTES.len())]),
        }
    }
    bytes
}

/// Reads, and when that succeeds prints and reads again.
fn check(bytes: &[u8], budgets: &Budgets) -> bool {
    let Ok(nodes) = yaml::read(bytes, budgets, 0) else {
        return false;
    };
    for node in &nodes {
        assert_spans(node, bytes.len());
    }
    let printed = yaml::write_documents(&nodes);
    let again = yaml::read(printed.as_bytes(), budgets, 0);
    let again = again.map(|nodes| yaml::write_documents(&nodes));
    // Kustomize prints `0o-7` and the key `<<` without quotes, though its own reader takes them for something else.
    if !printed.contains("0o") && !printed.contains("<<") {
        assert_eq!(again.as_ref(), Ok(&printed));
    }
    true
}

fn assert_spans(node: &muster_model::Node, length: usize) {
    assert!(node.span.start <= node.span.end);
    assert!(usize::try_from(node.span.end).is_ok_and(|end| end <= length));
    for item in node.as_list().unwrap_or_default() {
        assert_spans(item, length);
    }
    for member in node.as_map().map(|map| map.members()).unwrap_or_default() {
        assert_spans(&member.value, length);
    }
}

#[test]
fn damaged_files_are_read_or_refused() {
    let seed = setting("MUSTER_SEED", 1);
    println!("MUSTER_SEED={seed}");
    let mut rng = Rng::new(seed);
    let files = real_files();
    let budgets = Budgets::default();
    let rounds = setting("MUSTER_ROUNDS", 1_500);
    let mut read = 0;
    for _ in 0..rounds {
        let bytes = if files.is_empty() || rng.below(3) == 0 {
            let text = document(&mut rng);
            damage(&mut rng, text.as_bytes())
        } else {
            let file = &files[rng.below(files.len())];
            damage(&mut rng, file.as_bytes())
        };
        read += u64::from(check(&bytes, &budgets));
    }
    println!("{read} of {rounds} damaged files could be read");
}

#[test]
fn texts_made_to_be_slow_are_answered() {
    let budgets = Budgets::default();
    let many = 60_000;
    let cases = [
        "[".repeat(many),
        "{a: ".repeat(many),
        "- ".repeat(many),
        "? ".repeat(many),
        "a: [".repeat(many),
        "&a ".repeat(many),
        "*a ".repeat(many),
        "!t ".repeat(many),
        "\"".repeat(many),
        "'".repeat(many),
        "#\n".repeat(many),
        "\n \n".repeat(many),
        "a\n\n".repeat(many),
        "---\n".repeat(many),
        "%TAG !a! b\n".repeat(many),
        format!("a: \"{}", "\\\n".repeat(many)),
        format!("a: |\n{}", " \n".repeat(many)),
        format!("[{}]", "a,".repeat(many)),
        format!("[{}", "a: b,".repeat(many)),
        format!(
            "{{{}}}",
            (0..many).map(|n| format!("k{n},")).collect::<String>()
        ),
        (0..many).map(|n| format!("k{n}: &a{n} x\n")).collect(),
        (0..many).map(|n| format!("- &a{n} x\n- *a{n}\n")).collect(),
        format!("{}{}", "[".repeat(900), "x,".repeat(many)),
        format!("{}{}", "[{a: ".repeat(450), "x: y, ".repeat(many)),
        format!("a: {}", "x ".repeat(many)),
        format!("a: '{}'", "x ".repeat(many)),
        format!("a: {}", "x  ".repeat(many)),
    ];
    for case in cases {
        let start = std::time::Instant::now();
        check(case.as_bytes(), &budgets);
        let seconds = start.elapsed().as_secs();
        assert!(seconds < 20, "{seconds} s for {:?}…", &case[..20]);
    }
}
