//! A damaged store is noticed, never believed, and built anew (HAZARDS.md T-12, L5).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use muster_git::{GitError, Limits, Store};
use muster_model::Reason;
use muster_model::tree::TreeError;

use crate::world::{World, id, path, world};

fn packs(world: &World) -> Vec<PathBuf> {
    let directory = world.store.path().join("objects/pack");
    let mut packs: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|file| file.extension().is_some_and(|e| e == "pack"))
        .collect();
    packs.sort();
    packs
}

fn flip_every_byte(file: &Path, from: usize) {
    let mut permissions = fs::metadata(file).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(file, permissions).expect("set");
    let mut data = fs::read(file).expect("read");
    let end = data.len() - 20;
    for byte in &mut data[from..end] {
        *byte ^= 0x55;
    }
    fs::write(file, data).expect("written");
}

fn reopened(world: &World) -> Store {
    let directory = world.store.path().parent().expect("a directory");
    Store::open_or_create(directory, Limits::default()).expect("opened")
}

#[test]
fn a_flipped_pack_is_corrupt_until_the_store_is_reset() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let snapshot = world.fetch_main().expect("fetched");
    let commit_id = snapshot.commit_id().clone();
    for pack in packs(&world) {
        flip_every_byte(&pack, 12);
    }
    world.store = reopened(&world);
    let error = world.store.snapshot(&commit_id).expect_err("damaged");
    assert_eq!(error.reason(), Reason::GitObjectCorrupt, "{error:?}");
    assert!(world.store.is_damaged());
    world.store.reset().expect("reset");
    assert!(!world.store.is_damaged());
    let snapshot = world.fetch_main().expect("fetched again");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("1"));
}

#[test]
fn an_object_whose_content_has_another_id_is_not_believed() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let snapshot = world.fetch_main().expect("fetched");
    let blob = world.repository.rev("main:a").expect("there");
    // A loose object of the right name with another content, as a bad disk or hand would leave it.
    let other = world
        .repository
        .git_with(&["hash-object", "-w", "--stdin"], b"forged");
    let loose = |id: &str| format!("objects/{}/{}", &id[..2], &id[2..]);
    let target = world.store.path().join(loose(&blob));
    fs::create_dir_all(target.parent().expect("a directory")).expect("made");
    fs::copy(world.repository.path().join(loose(&other)), &target).expect("copied");
    let error = snapshot.file(&path("a")).expect_err("forged");
    assert!(matches!(error, TreeError::Unreadable { .. }), "{error:?}");
    assert!(world.store.is_damaged());
}

#[test]
fn a_truncated_pack_and_a_lost_index_are_fetched_again() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let commit_id = world.fetch_main().expect("fetched").commit_id().clone();
    for pack in packs(&world) {
        fs::remove_file(pack.with_extension("idx")).expect("removed");
    }
    world.store = reopened(&world);
    assert!(matches!(
        world.store.snapshot(&commit_id),
        Err(GitError::Missing { .. })
    ));
    let snapshot = world.fetch_main().expect("fetched again");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("1"));
}

#[test]
fn a_store_without_its_files_is_built_anew_and_nothing_beside_it_is_touched() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    world.fetch_main().expect("fetched");
    let directory = world.store.path().parent().expect("a directory").to_owned();
    fs::write(directory.join("mine"), "1").expect("written");
    fs::write(world.store.path().join("HEAD"), "rubbish").expect("written");
    fs::write(world.store.path().join("config"), "[[[").expect("written");
    world.store = reopened(&world);
    world.fetch_main().expect("fetched again");
    assert!(directory.join("mine").exists());
}

#[test]
fn what_a_killed_fetch_left_behind_is_swept() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    world.fetch_main().expect("fetched");
    let left = world.store.path().join("objects/pack/.tmpXyZ");
    fs::write(&left, "half a pack").expect("written");
    world.store = reopened(&world);
    assert!(!left.exists());
    world.fetch_main().expect("still there");
}

#[test]
fn a_tidied_store_keeps_what_is_pinned_and_its_snapshots_go_on() {
    let mut world = world();
    world
        .repository
        .commit_files("main", &[("a", b"pinned"), ("d/b", b"1")]);
    let pinned = world.fetch_main().expect("fetched");
    assert_eq!(world.text(&pinned, "a").as_deref(), Some("pinned"));
    world
        .store
        .pin("default/app", pinned.commit_id())
        .expect("pinned");
    for n in 0..20 {
        world
            .repository
            .commit_files("main", &[("a", format!("{n}").as_bytes())]);
        let snapshot = world.fetch_main().expect("fetched");
        assert_eq!(world.text(&snapshot, "a"), Some(n.to_string()));
    }
    let tip = world.fetch_main().expect("fetched");
    let before = packs(&world).len();
    world.store.collect().expect("tidied");
    assert!(
        before > 20 && packs(&world).len() == 1,
        "{before} {:?}",
        packs(&world)
    );
    world.server.take_requests().clear();
    for (snapshot, text) in [(&pinned, "pinned"), (&tip, "19")] {
        assert_eq!(world.text(snapshot, "a").as_deref(), Some(text));
        world
            .store
            .fetch(&mut world.remote, snapshot.commit_id())
            .expect("here");
    }
    assert_eq!(world.server.take_requests().len(), 0);
    assert_eq!(
        world
            .store
            .log(tip.commit_id(), 100)
            .expect("history")
            .len(),
        21
    );
    world.store.collect().expect("nothing to do");
    assert_eq!(packs(&world).len(), 1);
    world.store.unpin("default/app").expect("unpinned");
    assert!(world.store.pins().expect("pins").is_empty());
    world.store.collect().expect("tidied");
    assert_eq!(
        world.text(&pinned, "a").as_deref(),
        Some("pinned"),
        "read again from the server"
    );
}

#[test]
fn statuses_that_were_replaced_do_not_pile_up() {
    let mut world = world();
    let mut last = BTreeSet::new();
    for n in 0..70 {
        let commit = world.repository.commit(
            "s",
            None,
            "status",
            &[("status.json", Some(format!("{n}").as_bytes()))],
        );
        last = BTreeSet::from([id(&commit)]);
        world
            .store
            .fetch_shallow(&mut world.remote, &last)
            .expect("fetched");
    }
    assert!(packs(&world).len() < 10, "{}", packs(&world).len());
    let commit_id = last.first().expect("one");
    let snapshot = world.store.snapshot(commit_id).expect("here");
    assert_eq!(
        snapshot
            .file(&path("status.json"))
            .expect("here")
            .as_deref(),
        Some(&b"69"[..])
    );
}
