//! Builds a kustomization of a directory on disk: `kbuild <root> <directory below it>`; or scores conformance folders.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example reads files and prints"
)]

use std::path::PathBuf;
use std::sync::Arc;

use muster_kustomize::{Failure, LoadRestrictor, Options, Reorder, build};
use muster_model::tree::{Entry, EntryKind, TreeError};
use muster_model::{BlobId, RepoPath, Tree};

/// A directory on disk; ids are the paths, so that each file is one blob.
struct Directory(PathBuf);

impl Tree for Directory {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        let Ok(meta) = std::fs::symlink_metadata(self.0.join(path.as_str())) else {
            return Ok(None);
        };
        let kind = if meta.is_dir() {
            EntryKind::Tree
        } else if meta.is_symlink() {
            EntryKind::Symlink
        } else {
            EntryKind::Blob
        };
        Ok(Some(Entry {
            kind,
            id: BlobId::from_bytes(path.as_str().as_bytes()),
        }))
    }
    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.join(path.as_str()))
            .map(|d| {
                d.filter_map(|e| e.ok()?.file_name().into_string().ok())
                    .collect()
            })
            .unwrap_or_default();
        names.sort();
        names
            .into_iter()
            .map(|n| Ok(self.entry(&path.child(&n))?.map(|e| (n, e))))
            .filter_map(Result::transpose)
            .collect()
    }
    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        let path = String::from_utf8_lossy(id.as_bytes()).into_owned();
        std::fs::read(self.0.join(&path))
            .map(Into::into)
            .map_err(|e| TreeError::Unreadable {
                what: path,
                why: e.to_string(),
            })
    }
}

fn one(root: &str, dir: &str, options: &Options) -> Result<String, Failure> {
    let dir = RepoPath::new(dir).expect("a plain path");
    build(&Directory(root.into()), &dir, options).map(|b| b.to_yaml())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args[1] != "--conformance" {
        match one(&args[1], &args[2], &Options::default()) {
            Ok(text) => print!("{text}"),
            Err(e) => {
                eprintln!("{e}");
                std::process::exit(1)
            }
        }
        return;
    }
    let base = PathBuf::from(&args[2]);
    let only = args.get(3).cloned();
    let verbose = std::env::var("V").is_ok();
    for entry in std::fs::read_dir(base.join("trees"))
        .expect("trees")
        .flatten()
    {
        let text = std::fs::read_to_string(entry.path().join("manifest.json")).expect("manifest");
        let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let (mut good, mut all) = (0, 0);
        for target in manifest["targets"].as_array().expect("targets") {
            let path = target["build_path"].as_str().expect("path");
            if only.as_deref().is_some_and(|o| !path.contains(o)) {
                continue;
            }
            all += 1;
            let expected = std::fs::read_to_string(
                entry
                    .path()
                    .join(target["expected"].as_str().expect("file")),
            )
            .expect("expected");
            let got = std::panic::catch_unwind(|| {
                one(
                    entry.path().join("input").to_str().expect("utf8"),
                    path,
                    &Options::default(),
                )
            });
            report(path, got, &expected, verbose, &mut good);
        }
        println!("{:30} {good}/{all}", entry.file_name().to_string_lossy());
    }
    let text = std::fs::read_to_string(base.join("krusty/manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (mut good, mut all) = (0, 0);
    for case in manifest.as_array().expect("cases") {
        let name = case["name"].as_str().expect("name");
        if only.as_deref().is_some_and(|o| !name.contains(o)) {
            continue;
        }
        let folder = base.join("krusty/case").join(name);
        let restrictor = if case["load_restrictor"] == "none" {
            LoadRestrictor::None
        } else {
            LoadRestrictor::RootOnly
        };
        let orders = [
            (Reorder::None, "expected.yaml"),
            (Reorder::Legacy, "expected.build.yaml"),
        ];
        for (reorder, file) in orders {
            all += 1;
            let options = Options {
                reorder,
                load_restrictor: restrictor,
                ..Options::default()
            };
            let reorder = if case["reorder"] == "legacy" {
                Reorder::Legacy
            } else {
                options.reorder
            };
            let options = Options { reorder, ..options };
            let input = folder.join("input");
            let got = std::panic::catch_unwind(|| {
                one(
                    input.to_str().expect("utf8"),
                    case["build_path"].as_str().expect("path"),
                    &options,
                )
            });
            if case["expect"] == "error" {
                match got {
                    Ok(Err(e)) => {
                        if verbose {
                            println!("OK ERROR {name}: {e}");
                        }
                        good += 1;
                    }
                    Ok(Ok(_)) => println!("NOT REFUSED {name}"),
                    Err(_) => println!("CRASHED {name}"),
                }
                continue;
            }
            let expected = std::fs::read_to_string(folder.join(file)).expect("expected");
            report(name, got, &expected, verbose, &mut good);
        }
    }
    println!("{:30} {good}/{all}", "krusty");
}

fn report(
    name: &str,
    got: std::thread::Result<Result<String, Failure>>,
    expected: &str,
    verbose: bool,
    good: &mut usize,
) {
    match got {
        Ok(Ok(text)) if text == *expected => *good += 1,
        Ok(Ok(text)) => {
            println!("WRONG {name}");
            if verbose {
                std::fs::write("/tmp/expected.yaml", expected).expect("write");
                std::fs::write("/tmp/got.yaml", text).expect("write");
                let out = std::process::Command::new("diff")
                    .args(["-u", "/tmp/expected.yaml", "/tmp/got.yaml"])
                    .output()
                    .expect("diff");
                println!(
                    "{}",
                    String::from_utf8_lossy(&out.stdout)
                        .lines()
                        .take(40)
                        .collect::<Vec<_>>()
                        .join("\n")
                );
            }
        }
        Ok(Err(e)) => println!("REFUSED {name}: {e}"),
        Err(_) => println!("CRASHED {name}"),
    }
}
