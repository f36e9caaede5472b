//! Bringing commits here: what is asked for, what follows what, and what is refused.

use std::collections::{BTreeMap, BTreeSet};

use muster_git::{
    Ancestry, DirectoryTree, GitError, Limits, LocalRepository, Store, TargetRevision,
};
use muster_model::tree::{Tree as _, TreeError};

use crate::world::{blobs, id, names, path, world};

#[test]
fn a_commit_comes_with_its_trees_and_files_only_when_wanted() {
    let mut world = world();
    world
        .repository
        .commit_files("main", &[("apps/a/x.yaml", b"old"), ("big", b"unwanted")]);
    world
        .repository
        .commit_files("main", &[("apps/a/x.yaml", b"new"), ("README", b"hi")]);
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(names(&snapshot, ""), ["README", "apps", "big"]);
    assert_eq!(names(&snapshot, "apps/a"), ["x.yaml"]);
    for (file, blob) in blobs(&snapshot) {
        assert_eq!(
            snapshot.blob(&blob),
            Err(TreeError::NotFetched(blob)),
            "{file}"
        );
    }
    assert_eq!(
        world.text(&snapshot, "apps/a/x.yaml").as_deref(),
        Some("new")
    );
    assert!(matches!(
        snapshot.file(&path("big")),
        Err(TreeError::NotFetched(_))
    ));

    let log = world.store.log(snapshot.commit_id(), 10).expect("history");
    assert_eq!(log.len(), 2, "the history's commits are here");
    assert_eq!(
        (log[0].author.name.as_str(), log[0].subject()),
        ("Author", "change files")
    );

    world.server.take_requests().clear();
    let again = world
        .store
        .fetch(&mut world.remote, &snapshot.commit_id().clone())
        .expect("known");
    assert_eq!((again.requests, world.server.take_requests().len()), (0, 0));
}

#[test]
fn the_next_commit_costs_one_request_and_only_what_is_new() {
    let mut world = world();
    let many: Vec<(String, Vec<u8>)> = (0..200)
        .map(|n| (format!("d{n}/f"), vec![b'x'; 100]))
        .collect();
    let files: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(p, d)| (p.as_str(), d.as_slice()))
        .collect();
    world.repository.commit_files("main", &files);
    world.fetch_main().expect("fetched");
    let commit = id(&world.repository.commit_files("main", &[("d7/f", b"y")]));
    let cost = world
        .store
        .fetch(&mut world.remote, &commit)
        .expect("fetched");
    assert_eq!((cost.requests, cost.objects), (1, 3), "commit, root and d7");
}

#[test]
fn a_snapshot_is_readable_on_another_thread() {
    let mut world = world();
    world.repository.commit_files("main", &[("a/b", b"1")]);
    let snapshot = world.fetch_main().expect("fetched");
    let read = std::thread::spawn(move || names(&snapshot, "a"));
    assert_eq!(read.join().expect("no panic"), ["b"]);
}

#[test]
fn a_server_that_cannot_filter_sends_everything() {
    let mut world = world();
    world
        .repository
        .git(&["config", "uploadpack.allowFilter", "false"]);
    let first = world.repository.commit_files("main", &[("a", b"1")]);
    let snapshot = world.fetch_main().expect("fetched");
    assert!(snapshot.file(&path("a")).expect("here").is_some());
    let second = world.repository.commit_files("main", &[("a", b"2")]);
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(
        snapshot.file(&path("a")).expect("here").as_deref(),
        Some(&b"2"[..])
    );
    let is = |old: &str, new: &str| world.store.is_ancestor(&id(old), &id(new)).expect("intact");
    assert_eq!(is(&first, &second), Ancestry::Yes);
    assert_eq!(is(&second, &first), Ancestry::No);
}

#[test]
fn a_force_push_is_seen_as_one() {
    let mut world = world();
    let base = world.repository.commit_files("main", &[("a", b"1")]);
    let old = world.repository.commit_files("main", &[("a", b"2")]);
    world.fetch_main().expect("fetched");
    let new = world
        .repository
        .commit("main", Some(&base), "rewritten", &[("a", Some(b"3"))]);
    world.fetch_main().expect("fetched");
    let is = |old: &str, new: &str| world.store.is_ancestor(&id(old), &id(new)).expect("intact");
    assert_eq!(is(&base, &new), Ancestry::Yes);
    assert_eq!(is(&new, &new), Ancestry::Yes);
    assert_eq!(is(&old, &new), Ancestry::No);

    let unrelated =
        world
            .repository
            .commit("main", None, "another repository", &[("a", Some(b"4"))]);
    world.fetch_main().expect("fetched");
    assert_eq!(
        world
            .store
            .is_ancestor(&id(&new), &id(&unrelated))
            .expect("intact"),
        Ancestry::No
    );
}

#[test]
fn files_that_come_back_are_found_again() {
    let mut world = world();
    world.repository.commit_files("main", &[("d/e/old", b"1")]);
    world.repository.commit_files("main", &[("d/e/old", b"2")]);
    world.fetch_main().expect("fetched");
    world.repository.commit_files("main", &[("d/e/old", b"1")]);
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(world.text(&snapshot, "d/e/old").as_deref(), Some("1"));
}

#[test]
fn a_history_over_the_limit_is_left_out_and_ancestry_is_unknown() {
    let mut world = world();
    for n in 0..40 {
        world
            .repository
            .commit_files("main", &[("a", format!("{n}").as_bytes())]);
    }
    let old = world.repository.rev("main~20").expect("there");
    let limits = Limits {
        history_bytes: 500,
        ..Limits::default()
    };
    world.store =
        Store::open_or_create(world.directory.path().join("small"), limits).expect("a store");
    let tip = world.fetch_main().expect("fetched").commit_id().clone();
    assert_eq!(
        world.store.is_ancestor(&id(&old), &tip).expect("intact"),
        Ancestry::Unknown
    );
    let older = world
        .store
        .fetch(&mut world.remote, &id(&old))
        .expect("an ancestor can still be had");
    assert_eq!(older.requests, 2);
    let snapshot = world.store.snapshot(&id(&old)).expect("here");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("19"));
    let next = id(&world.repository.commit_files("main", &[("a", b"next")]));
    world.fetch_main().expect("fetched");
    assert_eq!(
        world.store.is_ancestor(&tip, &next).expect("intact"),
        Ancestry::Yes
    );
}

#[test]
fn a_repository_over_the_limit_is_refused() {
    let mut world = world();
    let noise: Vec<u8> = (0..40_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    world
        .repository
        .git(&["config", "uploadpack.allowFilter", "false"]);
    world.repository.commit_files("main", &[("noise", &noise)]);
    let limits = Limits {
        pack_bytes: 10_000,
        ..Limits::default()
    };
    world.store =
        Store::open_or_create(world.directory.path().join("small"), limits).expect("a store");
    let error = world.fetch_main().expect_err("too large");
    assert!(matches!(error, GitError::TooLarge { .. }), "{error:?}");
}

#[test]
fn one_huge_file_is_refused_by_itself() {
    let mut world = world();
    world
        .repository
        .commit_files("main", &[("huge", &vec![0; 3 << 20]), ("small", b"1")]);
    let limits = Limits {
        object_bytes: 1 << 20,
        blob_bytes: 1 << 20,
        ..Limits::default()
    };
    world.store =
        Store::open_or_create(world.directory.path().join("small"), limits).expect("a store");
    let snapshot = world.fetch_main().expect("fetched");
    let wanted: BTreeSet<_> = blobs(&snapshot).into_iter().map(|(_, blob)| blob).collect();
    world
        .store
        .fetch_objects(&mut world.remote, &wanted)
        .expect("fetched");
    assert!(matches!(
        snapshot.file(&path("huge")),
        Err(TreeError::TooLarge { .. })
    ));
    assert_eq!(world.text(&snapshot, "small").as_deref(), Some("1"));
}

#[test]
fn malformed_trees_refuse_the_commit() {
    let mut world = world();
    let good = world.repository.commit_files("main", &[("a", b"1")]);
    let blob = gix_bytes(&world.repository.rev(&format!("{good}:a")).expect("there"));
    let entry = |mode: &str, name: &str| {
        let mut out = format!("{mode} {name}\0").into_bytes();
        out.extend_from_slice(&blob);
        out
    };
    let cases: [(&str, Vec<u8>); 8] = [
        ("..", entry("100644", "..")),
        (".git", entry("100644", ".git")),
        (".GIT", entry("100644", ".GIT")),
        ("git~1", entry("100644", "git~1")),
        ("slash", entry("100644", "a/b")),
        (
            "twice",
            [entry("120000", "a"), entry("100644", "a")].concat(),
        ),
        (
            "order",
            [entry("100644", "b"), entry("100644", "a")].concat(),
        ),
        ("mode", entry("160777", "a")),
    ];
    for (what, tree) in cases {
        world.repository.commit_tree_object("main", &tree);
        let error = world.fetch_main().expect_err(what);
        assert!(
            matches!(error, GitError::MalformedTree { .. }),
            "{what}: {error:?}"
        );
    }
    world.repository.set_branch("main", &good);
    world.fetch_main().expect("the good commit still comes");
}

#[test]
fn many_refs_are_read_by_one_request() {
    let mut world = world();
    let mut heads = BTreeMap::new();
    for n in 0..20 {
        let name = format!("east-{n}");
        let content = format!("{{\"cluster\":\"{name}\"}}");
        let commit = world.repository.commit(
            &name,
            None,
            "status",
            &[("status.json", Some(content.as_bytes()))],
        );
        world
            .repository
            .git(&["update-ref", &format!("refs/fleet/status/{name}"), &commit]);
        world.repository.delete_branch(&name);
        heads.insert(id(&commit), content);
    }
    let refs = world.remote.ls_refs(&["refs/fleet/status/"]).expect("refs");
    let ids: BTreeSet<_> = refs
        .refs
        .values()
        .map(|found| found.commit_id().clone())
        .collect();
    let cost = world
        .store
        .fetch_shallow(&mut world.remote, &ids)
        .expect("fetched");
    assert_eq!((ids.len(), cost.requests), (20, 1));
    for (commit, content) in heads {
        let snapshot = world.store.snapshot(&commit).expect("here");
        let file = snapshot
            .file(&path("status.json"))
            .expect("here")
            .expect("there");
        assert_eq!(&*file, content.as_bytes());
    }
    let again = world
        .store
        .fetch_shallow(&mut world.remote, &ids)
        .expect("known");
    assert_eq!(again.requests, 0);
}

#[test]
fn the_next_fold_costs_only_what_changed() {
    let mut world = world();
    let files: Vec<(String, String)> = (0..50)
        .map(|n| (format!("clusters/{n}/status.json"), format!("{n}")))
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(p, d)| (p.as_str(), d.as_bytes()))
        .collect();
    world.repository.commit_files("status", &files);
    for expected in [None, Some(5)] {
        let commit = id(&world
            .repository
            .commit_files("status", &[("clusters/7/status.json", b"new")]));
        let ids = BTreeSet::from([commit.clone()]);
        let cost = world
            .store
            .fetch_shallow(&mut world.remote, &ids)
            .expect("fetched");
        if let Some(most) = expected {
            assert!(cost.objects <= most, "{cost:?}");
        }
        let snapshot = world.store.snapshot(&commit).expect("here");
        for (_, blob) in blobs(&snapshot) {
            snapshot.blob(&blob).expect("here");
        }
    }
}

#[test]
fn a_local_clone_and_a_directory_are_read_as_they_are() {
    let world = world();
    let commit = world.repository.commit_files("main", &[("apps/x", b"1\n")]);
    world
        .repository
        .git(&["tag", "-a", "-m", "x", "v1", &commit]);
    let clone = world.directory.path().join("clone");
    let clone_text = clone.to_string_lossy().into_owned();
    let source = world.repository.path().to_string_lossy().into_owned();
    muster_tests::git_server::git(
        world.directory.path(),
        &["clone", "-q", &source, &clone_text],
        b"",
    );
    for place in [
        clone.as_path(),
        &clone.join("apps"),
        world.repository.path(),
    ] {
        let local = LocalRepository::open(place, Limits::default()).expect("a repository");
        for revision in ["HEAD", "main", "v1", &commit, &commit[..8]] {
            let revision = TargetRevision::parse(revision).expect("a revision");
            assert_eq!(
                local.resolve(&revision).expect("intact"),
                Some(id(&commit)),
                "{revision}"
            );
        }
        let gone = TargetRevision::parse("gone").expect("a revision");
        assert_eq!(local.resolve(&gone).expect("intact"), None);
        let snapshot = local.snapshot(&id(&commit)).expect("here");
        assert_eq!(
            snapshot.file(&path("apps/x")).expect("here").as_deref(),
            Some(&b"1\n"[..])
        );
    }
    let snapshot = LocalRepository::open(&clone, Limits::default())
        .and_then(|local| local.snapshot(&id(&commit)))
        .expect("here");
    let directory = DirectoryTree::open(&clone, Limits::default()).expect("a directory");
    assert_eq!(
        directory
            .entry(&path("apps/x"))
            .expect("read")
            .map(|e| e.id),
        snapshot.entry(&path("apps/x")).expect("read").map(|e| e.id)
    );
    let shown: Vec<_> = directory
        .list(&path(""))
        .expect("read")
        .into_iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(shown, ["apps"]);
    assert!(
        LocalRepository::open(world.directory.path().join("served"), Limits::default()).is_err()
    );
}

#[test]
fn objects_are_never_replaced_by_others() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"true")]);
    let forged = world
        .repository
        .git_with(&["hash-object", "-w", "--stdin"], b"forged");
    let blob = world.repository.rev(&format!("{commit}:a")).expect("there");
    world.repository.git(&["replace", &blob, &forged]);
    assert_eq!(world.repository.git(&["cat-file", "-p", &blob]), "forged");
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("true"));
    let local =
        LocalRepository::open(world.repository.path(), Limits::default()).expect("a repository");
    let snapshot = local.snapshot(&id(&commit)).expect("here");
    assert_eq!(
        snapshot.file(&path("a")).expect("here").as_deref(),
        Some(&b"true"[..])
    );
}

fn gix_bytes(hex: &str) -> Vec<u8> {
    muster_model::digest::unhex(hex).expect("hexadecimal")
}
