//! Golden cases: `tests/cases/<name>/in` and a command line, what it prints in `out`.
//!
//! `in/cmd` holds the arguments of `muster`, one a line. Where `in` has directories `1`, `2`, …, each becomes a commit of
//! a Git repository (branch `main`, the work tree as the last one left it), so that a case can speak of `HEAD~1`;
//! otherwise `in` itself is the directory the command runs in. `in/copy` names directories of this repository to add.
//! `in/env` sets variables, one `NAME=value` a line. `out/stdout`, `out/stderr` and `out/code` are compared byte for byte, and so is `out/written` where `in/written` names a
//! file or a directory that the command writes. `MUSTER_REGENERATE=1` writes them anew, for review.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use muster_tests::binary;

type Result<T> = std::result::Result<T, Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = cases().into_iter().map(|case| {
        let name = case
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        Trial::test(name, move || run(&case))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases: Vec<_> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.join("in/cmd").is_file())
        .collect();
    cases.sort();
    cases
}

fn run(case: &Path) -> Result<()> {
    let work = tempfile::tempdir()?;
    let dir = work.path().join("repo");
    fs::create_dir(&dir)?;
    lay_out(&case.join("in"), &dir)?;
    copy_named(&case.join("in/copy"), &dir)?;
    let arguments = fs::read_to_string(case.join("in/cmd"))?;
    let variables = fs::read_to_string(case.join("in/env")).unwrap_or_default();
    let output = Command::new(binary("muster"))
        .args(arguments.lines().filter(|l| !l.trim().is_empty()))
        .current_dir(&dir)
        .env_clear()
        .env("HOME", work.path())
        .envs(variables.lines().filter_map(|line| line.split_once('=')))
        .output()?;
    let scrub =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*dir.to_string_lossy(), "<repo>");
    let code = output.status.code().unwrap_or(-1);
    let mut printed = vec![
        ("stdout".to_owned(), scrub(&output.stdout)),
        ("stderr".to_owned(), scrub(&output.stderr)),
        ("code".to_owned(), format!("{code}\n")),
    ];
    if let Ok(name) = fs::read_to_string(case.join("in/written")) {
        printed.push(("written".to_owned(), written(&dir.join(name.trim()))?));
    }
    compare(&case.join("out"), &printed)
}

/// A file, or the files of a directory one after the other, each below its name.
fn written(path: &Path) -> Result<String> {
    if path.is_file() {
        return Ok(fs::read_to_string(path)?);
    }
    let mut files: Vec<_> = fs::read_dir(path)?.flatten().map(|e| e.path()).collect();
    files.sort();
    let mut out = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        out.push_str(&format!("### {name}\n{}", fs::read_to_string(&file)?));
    }
    Ok(out)
}

/// Makes the directory a case starts in.
fn lay_out(from: &Path, to: &Path) -> Result<()> {
    let mut commits: Vec<_> = fs::read_dir(from)?
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir() && is_number(p.file_name()))
        .collect();
    if commits.is_empty() {
        return copy(from, to);
    }
    commits.sort();
    git(to, &["init", "--quiet", "--initial-branch=main"])?;
    for commit in commits {
        for entry in fs::read_dir(to)?
            .flatten()
            .filter(|e| e.file_name() != ".git")
        {
            let path = entry.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        copy(&commit, to)?;
        git(to, &["add", "--all"])?;
        let name = commit
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        git(
            to,
            &["commit", "--quiet", "--allow-empty", "--message", &name],
        )?;
    }
    Ok(())
}

/// Copies the directories of this repository that the file `copy` names, one a line.
fn copy_named(list: &Path, to: &Path) -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in fs::read_to_string(list).unwrap_or_default().lines() {
        copy(&repository.join(name), &to.join(name))?;
    }
    Ok(())
}

fn is_number(name: Option<&OsStr>) -> bool {
    name.and_then(OsStr::to_str)
        .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Git with a fixed identity and time, so that commit ids are the same everywhere.
fn git(dir: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "tests")
        .env("GIT_AUTHOR_EMAIL", "tests@example.com")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_NAME", "tests")
        .env("GIT_COMMITTER_EMAIL", "tests@example.com")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("git {arguments:?}: {status}").into())
    }
}

fn compare(out: &Path, printed: &[(String, String)]) -> Result<()> {
    let regenerate = std::env::var_os("MUSTER_REGENERATE").is_some();
    let mut wrong = String::new();
    for (name, now) in printed {
        let file = out.join(name);
        if regenerate {
            fs::create_dir_all(out)?;
            fs::write(&file, now)?;
            continue;
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if expected != *now {
            let diff = similar::TextDiff::from_lines(&expected, now);
            wrong.push_str(&format!(
                "{name}:\n{}",
                diff.unified_diff()
                    .context_radius(3)
                    .header("expected", "printed")
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.into())
    }
}
