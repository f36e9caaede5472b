//! Bundles, in by hand and out by hand.

use std::collections::BTreeMap;
use std::convert::Infallible;

use muster_git::{GitError, NewCommit, Person, RefName, export_bundle};

use crate::world::{id, path, world};

#[test]
fn a_bundle_carries_commits_in_and_the_next_one_what_is_new() {
    let mut world = world();
    let first = world
        .repository
        .commit_files("main", &[("a", b"1"), ("d/b", b"same")]);
    let file = world.directory.path().join("first.bundle");
    let name = file.to_string_lossy().into_owned();
    world
        .repository
        .git(&["bundle", "create", "-q", &name, "main"]);
    let second = world.repository.commit_files("main", &[("a", b"2")]);
    let next = world.directory.path().join("next.bundle");
    let next_name = next.to_string_lossy().into_owned();
    world.repository.git(&[
        "bundle",
        "create",
        "-q",
        &next_name,
        &format!("{first}..main"),
    ]);

    let error = world
        .store
        .import_bundle(&next)
        .expect_err("the first is missing");
    assert!(matches!(error, GitError::Missing { .. }), "{error:?}");
    let main = RefName::branch("main").expect("a name");
    let refs = world.store.import_bundle(&file).expect("imported");
    assert_eq!(refs, BTreeMap::from([(main.clone(), id(&first))]));
    let refs = world.store.import_bundle(&next).expect("imported");
    assert_eq!(refs, BTreeMap::from([(main, id(&second))]));

    world
        .store
        .fetch(&mut world.remote, &id(&second))
        .expect("all is here");
    assert!(
        world.server.take_requests().is_empty(),
        "no server was needed"
    );
    let snapshot = world.store.snapshot(&id(&second)).expect("here");
    assert_eq!(
        snapshot.file(&path("a")).expect("here").as_deref(),
        Some(&b"2"[..])
    );
    assert_eq!(
        snapshot.file(&path("d/b")).expect("here").as_deref(),
        Some(&b"same"[..])
    );
}

#[test]
fn a_damaged_bundle_is_refused() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let file = world.directory.path().join("x.bundle");
    let name = file.to_string_lossy().into_owned();
    world
        .repository
        .git(&["bundle", "create", "-q", &name, "main"]);
    let whole = std::fs::read(&file).expect("read");
    let mut flipped = whole.clone();
    let place = whole.len() - 30;
    flipped[place] ^= 0xff;
    for bad in [
        flipped,
        whole[..whole.len() - 10].to_vec(),
        b"rubbish".to_vec(),
    ] {
        std::fs::write(&file, bad).expect("written");
        assert!(world.store.import_bundle(&file).is_err());
    }
    std::fs::write(&file, whole).expect("written");
    world
        .store
        .import_bundle(&file)
        .expect("the whole one still comes");
}

#[test]
fn statuses_are_carried_out_in_a_bundle_that_git_reads() {
    let world = world();
    let commit = NewCommit {
        base: None,
        parents: Vec::new(),
        changes: BTreeMap::from([(path("status.json"), Some(b"{}".to_vec()))]),
        person: Person {
            name: "muster".to_owned(),
            email: "muster@east".to_owned(),
            time: 1_700_000_000,
        },
        message: "status of east".to_owned(),
        trailers: Vec::new(),
    };
    let made = commit.build(None::<fn(&[u8]) -> Result<String, Infallible>>);
    let (commit_id, objects) = made.expect("made");
    let name = RefName::new("refs/fleet/status/east").expect("a name");
    let refs = BTreeMap::from([(name, commit_id.clone())]);
    let file = world.directory.path().join("out.bundle");
    std::fs::write(&file, export_bundle(&refs, &objects).expect("made")).expect("written");
    let text = file.to_string_lossy().into_owned();
    world.repository.git(&["bundle", "verify", "-q", &text]);
    world.repository.git(&[
        "fetch",
        "-q",
        &text,
        "refs/fleet/status/*:refs/fleet/status/*",
    ]);
    assert_eq!(
        world.repository.rev("refs/fleet/status/east"),
        Some(commit_id.to_string())
    );
}
