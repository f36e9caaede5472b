//! Setting refs: compare and swap, several at once, refusals.

use std::collections::BTreeMap;
use std::convert::Infallible;

use muster_git::{
    Credentials, GitError, NewCommit, NewObjects, Person, RefName, RefOutcome, RefUpdate, Snapshot,
};
use muster_model::CommitId;
use muster_tests::git_server::{Auth, Fault};

use crate::world::{World, client, id, path, remote, world};

fn made(
    base: Option<&Snapshot>,
    parents: Vec<CommitId>,
    file: &str,
    text: &str,
) -> (CommitId, NewObjects) {
    let commit = NewCommit {
        base,
        parents,
        changes: BTreeMap::from([(path(file), Some(text.as_bytes().to_vec()))]),
        person: Person {
            name: "muster".to_owned(),
            email: "muster@east".to_owned(),
            time: 1_700_000_000,
        },
        message: "status of east".to_owned(),
        trailers: vec![("Sequence".to_owned(), "7".to_owned())],
    };
    commit
        .build(None::<fn(&[u8]) -> Result<String, Infallible>>)
        .expect("made")
}

fn update(name: &str, old: Option<&CommitId>, new: Option<&CommitId>) -> RefUpdate {
    RefUpdate {
        name: RefName::new(name).expect("a name"),
        old: old.cloned(),
        new: new.cloned(),
    }
}

const STATUS: &str = "refs/fleet/status/east";

fn shown(world: &World, revision: &str) -> String {
    world.repository.git(&["cat-file", "-p", revision])
}

#[test]
fn a_ref_is_created_moved_and_deleted_by_one_request_each() {
    let mut world = world();
    let (first, objects) = made(None, Vec::new(), "status.json", "1");
    let outcome = world
        .remote
        .push(&[update(STATUS, None, Some(&first))], &objects);
    assert_eq!(outcome.expect("answered"), [RefOutcome::Updated]);
    let requests = world.server.take_requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/hub.git/git-receive-pack")
    );
    assert!(request.body_bytes < 1_000, "{}", request.body_bytes);

    let (second, objects) = made(None, Vec::new(), "status.json", "2");
    let outcome = world
        .remote
        .push(&[update(STATUS, Some(&first), Some(&second))], &objects);
    assert_eq!(outcome.expect("answered"), [RefOutcome::Updated]);
    assert_eq!(shown(&world, &format!("{STATUS}:status.json")), "2");
    assert!(shown(&world, STATUS).ends_with("status of east\n\nSequence: 7"));
    world.repository.git(&["fsck", "--strict"]);

    let outcome = world.remote.push(
        &[update(STATUS, Some(&second), None)],
        &NewObjects::default(),
    );
    assert_eq!(outcome.expect("answered"), [RefOutcome::Updated]);
    assert_eq!(world.repository.rev(STATUS), None);
    assert_eq!(
        world.server.connections(),
        1,
        "all on one connection kept alive"
    );
}

#[test]
fn the_loser_of_a_race_is_stale_and_changes_nothing() {
    let mut world = world();
    let (ours, our_objects) = made(None, Vec::new(), "status.json", "ours");
    let (theirs, their_objects) = made(None, Vec::new(), "status.json", "theirs");
    let mut other = remote(
        &client(None),
        world.repository.url(),
        Credentials::Anonymous,
    );
    let won = other.push(&[update(STATUS, None, Some(&theirs))], &their_objects);
    assert_eq!(won.expect("answered"), [RefOutcome::Updated]);
    let lost = world
        .remote
        .push(&[update(STATUS, None, Some(&ours))], &our_objects);
    assert_eq!(lost.expect("answered"), [RefOutcome::Stale]);
    let lost = world
        .remote
        .push(&[update(STATUS, Some(&ours), Some(&ours))], &our_objects);
    assert_ne!(lost.expect("answered"), [RefOutcome::Updated]);
    assert_eq!(world.repository.rev(STATUS), Some(theirs.to_string()));
    let retried = world
        .remote
        .push(&[update(STATUS, Some(&theirs), Some(&ours))], &our_objects);
    assert_eq!(retried.expect("answered"), [RefOutcome::Updated]);
}

#[test]
fn several_refs_have_independent_results() {
    let mut world = world();
    world.repository.commit_files(
        "main",
        &[
            ("clusters/ab/east/status.json", b"0"),
            ("README.md", b"table"),
        ],
    );
    let base = world.fetch_main().expect("fetched");
    let (status, mut objects) = made(None, Vec::new(), "status.json", "1");
    let parent = base.commit_id().clone();
    let (fold, more) = made(
        Some(&base),
        vec![parent.clone()],
        "clusters/ab/east/status.json",
        "1",
    );
    assert_eq!(more.len(), 6, "one file, four trees, one commit");
    objects.extend(more);
    let updates = [
        update(STATUS, None, Some(&status)),
        update("refs/heads/main", Some(&fold), Some(&fold)),
    ];
    let outcomes = world.remote.push(&updates, &objects).expect("answered");
    assert_eq!(outcomes[0], RefOutcome::Updated);
    assert_ne!(outcomes[1], RefOutcome::Updated);
    let updates = [update("refs/heads/main", Some(&parent), Some(&fold))];
    let outcomes = world.remote.push(&updates, &objects).expect("answered");
    assert_eq!(outcomes, [RefOutcome::Updated]);
    assert_eq!(shown(&world, "main:README.md"), "table");
    assert_eq!(shown(&world, "main:clusters/ab/east/status.json"), "1");
    world.repository.git(&["fsck", "--strict"]);
}

#[test]
fn a_signature_covers_the_commit_without_it() {
    let mut world = world();
    let mut signed = Vec::new();
    let commit = NewCommit {
        base: None,
        parents: Vec::new(),
        changes: BTreeMap::from([(path("a/b"), Some(b"1".to_vec()))]),
        person: Person {
            name: "muster".to_owned(),
            email: "muster@east".to_owned(),
            time: 1_700_000_000,
        },
        message: "signed".to_owned(),
        trailers: Vec::new(),
    };
    let armored = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n";
    let sign = |bytes: &[u8]| {
        signed = bytes.to_vec();
        Ok::<_, Infallible>(armored.to_owned())
    };
    let (commit_id, objects) = commit.build(Some(sign)).expect("made");
    let outcome = world.remote.push(
        &[update("refs/heads/main", None, Some(&commit_id))],
        &objects,
    );
    assert_eq!(outcome.expect("answered"), [RefOutcome::Updated]);
    world.repository.git(&["fsck", "--strict"]);
    world.fetch_main().expect("fetched");
    let read = world
        .store
        .commit(&commit_id)
        .expect("here")
        .signature()
        .expect("signed");
    assert_eq!((read.armored.as_str(), read.payload), (armored, signed));
}

#[test]
fn a_hook_that_refuses_is_a_value_and_its_text_is_cut() {
    let mut world = world();
    let hook = world.repository.path().join("hooks/update");
    let script = "#!/bin/sh\nprintf 'secret \\033[31m%0100000d' 0 >&2\nexit 1\n";
    std::fs::write(&hook, script).expect("written");
    let mut mode = std::fs::metadata(&hook).expect("there").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&hook, mode).expect("set");
    let (commit, objects) = made(None, Vec::new(), "status.json", "1");
    let outcome = world
        .remote
        .push(&[update(STATUS, None, Some(&commit))], &objects);
    let outcome = outcome.expect("answered");
    let [RefOutcome::Rejected { reason }] = outcome.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(reason, "hook declined");
}

#[test]
fn credentials_that_may_not_push_are_an_auth_error() {
    let mut world = world();
    world.server.set_auth(Auth::Bearer("t0k3n".to_owned()));
    let (commit, objects) = made(None, Vec::new(), "status.json", "1");
    let error = world
        .remote
        .push(&[update(STATUS, None, Some(&commit))], &objects)
        .expect_err("401");
    assert!(
        matches!(error, GitError::Auth { status: 401, .. }),
        "{error:?}"
    );
}

#[test]
fn a_server_that_wants_to_be_asked_first_is_asked() {
    let mut world = world();
    let (commit, objects) = made(None, Vec::new(), "status.json", "1");
    world.server.fault_once(Fault::Status(400, Vec::new()));
    let outcome = world
        .remote
        .push(&[update(STATUS, None, Some(&commit))], &objects);
    assert_eq!(outcome.expect("answered"), [RefOutcome::Updated]);
    let methods: Vec<_> = world
        .server
        .take_requests()
        .into_iter()
        .map(|r| r.method)
        .collect();
    assert_eq!(methods, ["POST", "GET", "POST"]);
    world.server.fault_once(Fault::Status(400, Vec::new()));
    let outcome = world
        .remote
        .push(&[update(STATUS, None, Some(&commit))], &objects);
    assert_eq!(outcome.expect("answered"), [RefOutcome::Stale]);
    assert_eq!(
        world.repository.rev(STATUS).map(|text| id(&text)),
        Some(commit)
    );
}
