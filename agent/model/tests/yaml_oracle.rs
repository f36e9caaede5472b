//! Compares the reader and the writer with Go's, on generated texts and on changed real files.
//!
//! Needs the program of `tests/oracle/yaml` in `MUSTER_YAML_ORACLE`; without it, says so and passes.
//! `MUSTER_SEED` and `MUSTER_ROUNDS` choose what is generated.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a test runs the oracle and reports"
)]

mod yaml_texts;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::{Command, Stdio};

use muster_model::{Budgets, Node, json, yaml};
use yaml_texts::{Rng, document, mutated, real_files, value};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// The oracle's program; says so when there is none.
fn oracle() -> Option<OsString> {
    let program = std::env::var_os("MUSTER_YAML_ORACLE");
    if program.is_none() {
        println!("SKIPPED: MUSTER_YAML_ORACLE is not set");
    }
    program
}

/// What the oracle answers.
fn ask(program: &OsStr, mode: &str, input: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg(mode)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        stdin.write_all(&input).expect("the oracle reads");
    });
    let output = child.wait_with_output().expect("the oracle ends");
    writer.join().expect("written");
    output.stdout
}

/// Which of the two readers, in the words of the oracle.
#[derive(Clone, Copy)]
enum Mode {
    Read,
    Build,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Build => "build",
        }
    }
}

/// One canonical JSON text per document, or the error.
fn ours(text: &str, mode: Mode) -> Result<Vec<String>, String> {
    let read = match mode {
        Mode::Read => yaml::read,
        Mode::Build => yaml::read_resources,
    };
    read(text.as_bytes(), &Budgets::default(), 0)
        .map(|nodes| nodes.iter().map(json::to_canonical).collect())
        .map_err(|error| format!("line {}: {error}", error.line()))
}

fn theirs(answer: &str) -> Result<Vec<String>, String> {
    let Some(values) = answer.strip_prefix("ok ") else {
        return Err(answer.to_owned());
    };
    let values = serde_json::Deserializer::from_str(values).into_iter::<Node>();
    Ok(values
        .map(|value| json::to_canonical(&value.expect("the oracle prints JSON")))
        .collect())
}

/// Leaves out what is known to differ and does not matter.
fn is_sent(text: &str, mode: Mode) -> bool {
    // What kustomize makes of blocks with comments behind them, in keys, and with unusual line breaks is not followed.
    let folded = text.contains(['>', '|']) && text.contains(['#', '?', '\u{85}', '\u{2028}']);
    match mode {
        _ if text.contains('\0') || has_separator_it_misses(text) => false,
        Mode::Read => true,
        Mode::Build => !folded,
    }
}

/// Kustomize splits documents at `---` after a line feed only, and drops those after other line breaks.
fn has_separator_it_misses(text: &str) -> bool {
    let separators = [
        "\r---",
        "\u{85}---",
        "\u{2028}---",
        "---\r",
        "---\u{85}",
        "---\u{2028}",
        "...---",
        "... ---",
        "--- \u{2028}",
        "--- \r",
        "--- \u{85}",
    ];
    separators.iter().any(|it| text.contains(it))
        || (text.contains("---") && text.contains(['\u{85}', '\u{2028}']))
}

/// Errors of the oracle that come from what it cannot do rather than from the text.
fn is_known_to_be_stricter(error: &str) -> bool {
    [
        // Keys that are numbers or booleans: we write them out.
        "unsupported type: map[interface {}]",
        // `---` at the start of a line inside quotes.
        "invalid document separator",
        // A directive before the first document.
        "did not find expected <document start>",
        // `...` right after `---`, an empty document.
        "did not find expected node content",
        // A document that is a scalar: the oracle prints objects and lists only.
        "into map[string]interface {}",
    ]
    .iter()
    .any(|known| error.contains(known))
}

/// Errors of ours where Go loses something without a word.
fn is_known_to_be_refused(text: &str, error: &str) -> bool {
    // Kustomize drops a quoted `<<` and what is below it.
    let below_merge = text.contains("<<");
    // Go reads nothing behind `...`.
    let behind_end = text.contains("\n...\n");
    below_merge
        || behind_end
        || [
            // A document after `...`, which kustomize does not read.
            "begins here; put `---`",
            "nothing may follow `---`",
            "the text ends too early",
            // Base64 of what is no text, which is lost in JSON.
            "the !!binary value is not text",
            // Text after the document on its last line, which is dropped.
            "a key is a list or a mapping",
            "a list item may not begin here",
            // Keys that are null, which become empty, or times.
            "a key must be a text",
        ]
        .iter()
        .any(|known| error.contains(known))
}

fn compare(program: &OsStr, texts: &[String], mode: Mode) -> Vec<String> {
    let texts: Vec<&str> = texts
        .iter()
        .map(String::as_str)
        .filter(|text| is_sent(text, mode))
        .collect();
    let answers = ask(program, mode.word(), texts.join("\0").into_bytes());
    let answers = String::from_utf8_lossy(&answers).into_owned();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(
        answers.len(),
        texts.len(),
        "one answer for each text; the last was {:?}",
        texts.get(answers.len())
    );
    let mut found = Vec::new();
    for (text, answer) in texts.iter().zip(answers) {
        let ours = ours(text, mode);
        let theirs = theirs(answer);
        let agrees = match (&ours, &theirs) {
            // Kustomize drops a quoted `<<`, and writes keys below a `<<` of the root as they are written.
            (Ok(ours), Ok(theirs)) => ours == theirs || text.contains("<<"),
            (Err(_), Err(_)) => true,
            (Ok(_), Err(error)) => is_known_to_be_stricter(error),
            (Err(error), Ok(theirs)) => {
                let drops_the_rest = theirs == &["{}"] || theirs == &["[]"];
                drops_the_rest || is_known_to_be_refused(text, error)
            }
        };
        if !agrees {
            found.push(format!(
                "---- {text:?}\nours:   {ours:?}\ntheirs: {theirs:?}"
            ));
        }
    }
    found
}

fn report(what: &str, count: usize, found: Vec<String>) {
    println!("{what}: {} of {count} differ", found.len());
    let shown: Vec<_> = found.iter().take(12).map(String::as_str).collect();
    assert!(found.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn generated_texts_are_read_as_go_reads_them() {
    let Some(program) = oracle() else {
        return;
    };
    let seed = setting("MUSTER_SEED", 1);
    println!("MUSTER_SEED={seed}");
    let mut rng = Rng::new(seed);
    let count = setting("MUSTER_ROUNDS", 2_000);
    let texts: Vec<String> = (0..count).map(|_| document(&mut rng)).collect();
    for mode in [Mode::Read, Mode::Build] {
        let found = compare(&program, &texts, mode);
        report(mode.word(), texts.len(), found);
    }
}

#[test]
fn changed_real_files_are_read_as_go_reads_them() {
    let Some(program) = oracle() else {
        return;
    };
    let seed = setting("MUSTER_SEED", 1);
    println!("MUSTER_SEED={seed}");
    let mut rng = Rng::new(seed);
    let files = real_files();
    if files.is_empty() {
        println!("SKIPPED: no conformance data");
        return;
    }
    let count = setting("MUSTER_ROUNDS", 2_000) / 4;
    let texts: Vec<String> = (0..count)
        .map(|_| {
            let file = &files[rng.below(files.len())];
            mutated(&mut rng, file)
        })
        .collect();
    for mode in [Mode::Read, Mode::Build] {
        let found = compare(&program, &texts, mode);
        report(mode.word(), texts.len(), found);
    }
}

#[test]
fn real_files_are_read_as_go_reads_them() {
    let Some(program) = oracle() else {
        return;
    };
    let files = real_files();
    for mode in [Mode::Read, Mode::Build] {
        let found = compare(&program, &files, mode);
        report(mode.word(), files.len(), found);
    }
}

/// The order of keys such as `a10`, `a1b`, `a2`, which Go sorts by chance, does not count.
fn is_same_print(ours: &str, theirs: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes: Vec<u8> = text
            .bytes()
            .filter(|b| !matches!(b, b' ' | b'\n'))
            .collect();
        bytes.sort_unstable();
        bytes
    };
    let reread = |text: &str| yaml::read(text.as_bytes(), &Budgets::default(), 0).ok();
    ours == theirs
        || (ours.len() == theirs.len()
            && sorted(ours) == sorted(theirs)
            && reread(ours) == reread(theirs))
}

#[test]
fn generated_values_are_printed_as_go_prints_them() {
    let Some(program) = oracle() else {
        return;
    };
    let seed = setting("MUSTER_SEED", 1);
    println!("MUSTER_SEED={seed}");
    let mut rng = Rng::new(seed);
    let count = setting("MUSTER_ROUNDS", 2_000);
    let values: Vec<Node> = (0..count).map(|_| value(&mut rng, 3)).collect();
    let input: String = values
        .iter()
        .map(|value| {
            // Go's JSON escapes these two.
            let text = json::to_string(value);
            text.replace('\u{2028}', "\\u2028")
                .replace('\u{2029}', "\\u2029")
                + "\n"
        })
        .collect();
    let answers = ask(&program, "print", input.into_bytes());
    let answers = String::from_utf8_lossy(&answers).into_owned();
    let mut found = Vec::new();
    for (value, theirs) in values.iter().zip(answers.split('\0')) {
        let ours = yaml::to_string(value);
        if !is_same_print(&ours, theirs) && !theirs.starts_with("error ") {
            found.push(format!(
                "---- {}\nours:   {ours:?}\ntheirs: {theirs:?}",
                json::to_string(value)
            ));
        }
    }
    report("printed", values.len(), found);
}
