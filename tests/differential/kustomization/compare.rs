//! One tree, both tools.

use std::panic::{AssertUnwindSafe, catch_unwind};

use muster_kustomize::{AboveRoot, Failure, LoadRestrictor, Options, Reorder, build};
use muster_model::{MemoryTree, RepoPath};
use serde::Deserialize;

use super::generate::Case;
use crate::process::Oracle;
use crate::run::Verdict;

/// What a build came to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    pub ok: bool,
    pub stdout: String,
    #[serde(default)]
    pub error: String,
}

impl Answer {
    /// For people.
    pub fn shown(&self) -> String {
        if self.ok {
            format!("\n{}", self.stdout)
        } else {
            format!("error: {}", self.error)
        }
    }
}

/// Builds the case with both.
pub fn compare(oracle: &mut Oracle, case: &Case) -> Verdict {
    oracle.send(case);
    let ours = ours(case);
    let theirs: Answer = oracle.receive();
    if std::env::var_os("MUSTER_VERBOSE").is_some() && !theirs.ok {
        println!("kustomize: {:?}", theirs.error);
    }
    verdict(&ours, &theirs)
}

fn verdict(ours: &Answer, theirs: &Answer) -> Verdict {
    match (ours.ok, theirs.ok) {
        _ if ours.error == PANIC => Verdict::Panicked,
        (true, true) if ours.stdout == theirs.stdout => Verdict::Same,
        (true, true) if differ_in_nulls(&ours.stdout, &theirs.stdout) => {
            Verdict::Broken("it makes an empty text of a null in `{}`")
        }
        (true, true) => Verdict::Differs("bytes"),
        (false, false) => Verdict::BothRefuse,
        (true, false) => broken(&theirs.error).map_or(Verdict::OnlyMuster, Verdict::Broken),
        (false, true) => match DOCUMENTED
            .iter()
            .find(|(text, _)| ours.error.contains(text))
        {
            Some((_, why)) => Verdict::Documented(why),
            None => Verdict::OnlyOther,
        },
    }
}

/// Why kustomize fails where it should not, as its message shows.
fn broken(error: &str) -> Option<&'static str> {
    // It puts a comment between a key and a value that a patch brought, and reads its own text back with every step.
    let read_back = error
        .split_once("map[string]interface {}{")
        .and_then(|(_, rest)| rest.rsplit_once("}: yaml: "));
    if let Some((_, why)) = read_back
        && (why.contains("find expected") || why.starts_with("invalid map key: "))
    {
        return Some("it cannot read the comments it prints");
    }
    // It reads its own text back by YAML 1.1, where a key that lost its quotes is none of JSON's.
    if error.ends_with("json: unsupported type: map[interface {}]interface {}") {
        return Some("it takes the quotes off a key");
    }
    // Lists where labels and annotations belong, and empty files of `crds`.
    error
        .starts_with("panic: runtime error: index out of range")
        .then_some("it crashes")
}

/// True when the texts differ only in nulls that kustomize prints as empty texts: a patch brought them into `{}`.
fn differ_in_nulls(ours: &str, theirs: &str) -> bool {
    let mut lines = ours.lines().zip(theirs.lines());
    ours.lines().count() == theirs.lines().count()
        && lines.all(|(ours, theirs)| {
            ours == theirs
                || matches!(
                    (ours.strip_suffix(" null"), theirs.strip_suffix(" \"\"")),
                    (Some(one), Some(other)) if one == other
                )
        })
}

const PANIC: &str = "panic";

/// What muster refuses although kustomize builds it: part of the message, and the line of the README it stands for.
const DOCUMENTED: &[(&str, &str)] = &[
    ("is there twice, first on line", "a key twice in a patch"),
    (
        "a new document begins here",
        "text behind the end of a document",
    ),
    (
        "is no text; put it in quotes",
        "a key that is no text, in a patch that changes nothing",
    ),
    ("lost its kind or name", "a patch that takes the name away"),
    (
        "number out of range",
        "a number no float holds, in a JSON patch for no object",
    ),
    (
        "cannot get a hash suffix",
        "the hash of an object that is no ConfigMap or Secret",
    ),
];

/// What kustomize makes of a case.
pub fn theirs(oracle: &mut Oracle, case: &Case) -> Answer {
    oracle.send(case);
    oracle.receive()
}

/// What muster makes of a case.
pub fn ours(case: &Case) -> Answer {
    let tree = MemoryTree::of(case.files.iter().map(|(path, text)| (&**path, &**text)));
    // The oracle's files lie in a file system of their own.
    let mut options = Options {
        above_root: AboveRoot::Root,
        ..Options::default()
    };
    let mut dir = "";
    for arg in &case.args {
        match &**arg {
            "--reorder=none" => options.reorder = Reorder::None,
            "--load-restrictor=LoadRestrictionsNone" => {
                options.load_restrictor = LoadRestrictor::None
            }
            path if !path.starts_with("--") => dir = path.trim_matches('/'),
            other => panic!("{other}: not an argument of a case"),
        }
    }
    let Ok(dir) = RepoPath::new(dir) else {
        return refused(format!("{dir} is no path"));
    };
    match catch_unwind(AssertUnwindSafe(|| {
        build(&tree, &dir, &options).map(|b| b.to_yaml())
    })) {
        Ok(Ok(stdout)) => Answer {
            ok: true,
            stdout,
            error: String::new(),
        },
        Ok(Err(Failure::Refused(problem))) => refused(problem.to_string()),
        Ok(Err(Failure::NotFetched(_))) => refused("blobs are missing in memory".to_owned()),
        Err(_) => refused(PANIC.to_owned()),
    }
}

fn refused(error: String) -> Answer {
    Answer {
        ok: false,
        stdout: String::new(),
        error,
    }
}
