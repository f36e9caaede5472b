//! Asking for refs: what it costs, and what comes back.

use muster_git::{Credentials, GitError, RefName, TargetRevision};
use muster_tests::git_server::{Auth, Certificate, GitServer};

use crate::world::{client, id, remote, with, world};

#[test]
fn an_unchanged_poll_is_one_request_on_the_connection_kept_alive() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    let first = world.server.take_requests();
    assert_eq!(
        first.len(),
        2,
        "one to learn what the server speaks, one for the refs"
    );

    for _ in 0..3 {
        assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
        let polled = world.server.take_requests();
        let [request] = polled.as_slice() else {
            panic!("{polled:?}")
        };
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/hub.git/git-upload-pack")
        );
        assert_eq!(request.connection, first[0].connection);
        assert!(request.body_bytes < 256, "{}", request.body_bytes);
    }
}

#[test]
fn only_refs_below_the_prefixes_are_sent() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    let many: String = (0..2_000)
        .map(|n| format!("create refs/heads/other/{n} {commit}\n"))
        .collect();
    world
        .repository
        .git_with(&["update-ref", "--stdin"], many.as_bytes());
    let refs = world
        .remote
        .ls_refs(&["refs/heads/main", "HEAD"])
        .expect("refs");
    assert_eq!(refs.refs.len(), 1);
    assert_eq!(refs.head, Some(id(&commit)));
    assert_eq!(
        refs.head_branch,
        Some(RefName::branch("main").expect("a name"))
    );
}

#[test]
fn a_server_of_protocol_0_is_understood() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    world
        .repository
        .git(&["tag", "-a", "-m", "x", "v1", &commit]);
    world.repository.git(&["config", "protocol.version", "0"]);
    // http-backend follows the client; a server that knows no version 2 does not see its header.
    world.server.hide_protocol(true);
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    assert_eq!(world.resolve("v1").expect("resolved"), Some(id(&commit)));
    assert_eq!(world.resolve("HEAD").expect("resolved"), Some(id(&commit)));
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("1"));
    let commit = world.repository.commit_files("main", &[("a", b"2")]);
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    let snapshot = world.fetch_main().expect("fetched");
    assert_eq!(world.text(&snapshot, "a").as_deref(), Some("2"));
}

#[test]
fn an_empty_repository_and_a_deleted_branch_are_values() {
    let mut world = world();
    assert_eq!(world.resolve("HEAD").expect("empty"), None);
    assert_eq!(world.resolve("main").expect("empty"), None);
    world.repository.commit_files("main", &[("a", b"1")]);
    assert!(world.resolve("main").expect("there").is_some());
    world.repository.delete_branch("main");
    assert_eq!(world.resolve("main").expect("gone"), None);
}

#[test]
fn an_annotated_tag_is_peeled_and_a_commit_needs_no_request() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    world
        .repository
        .git(&["tag", "-a", "-m", "x", "v1", &commit]);
    world.repository.git(&["tag", "-a", "-m", "y", "v2", "v1"]);
    assert_eq!(world.resolve("v1").expect("resolved"), Some(id(&commit)));
    assert_eq!(
        world.resolve("refs/tags/v2").expect("resolved"),
        Some(id(&commit))
    );
    let revision = TargetRevision::parse(&commit).expect("an id");
    assert!(revision.prefixes().is_empty());
}

#[test]
fn refs_with_names_that_could_do_harm_are_left_out() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    let packed = format!("{commit} refs/heads/-x\n{commit} refs/heads/fine\n");
    std::fs::write(world.repository.path().join("packed-refs"), packed).expect("written");
    let refs = world.remote.ls_refs(&["refs/heads/"]).expect("refs");
    let names: Vec<&str> = refs.refs.keys().map(RefName::as_str).collect();
    assert_eq!(names, ["refs/heads/fine", "refs/heads/main"]);
    assert!(matches!(
        world.remote.ls_refs(&["refs/heads/x\nwant y"]),
        Err(GitError::InvalidRef { .. })
    ));
}

#[test]
fn basic_and_bearer_credentials_are_sent_and_can_be_renewed() {
    let mut world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    world
        .server
        .set_auth(Auth::Basic("agent".to_owned(), "s3cr3t".to_owned()));
    let error = world.resolve("main").expect_err("no credentials");
    assert!(
        matches!(error, GitError::Auth { status: 401, .. }),
        "{error}"
    );
    let basic = Credentials::Basic {
        user: "agent".to_owned(),
        password: "s3cr3t".to_owned(),
    };
    world.remote.set_credentials(basic).expect("usable");
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    world.server.set_auth(Auth::Bearer("t0k3n".to_owned()));
    world
        .remote
        .set_credentials(Credentials::Bearer("t0k3n".to_owned()))
        .expect("usable");
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    world.fetch_main().expect("fetched with the token");
    assert!(!format!("{:?}", world.remote).contains("t0k3n"));
}

#[test]
fn https_works_with_the_ca_given_and_not_without() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = GitServer::start_tls(&directory.path().join("served"), Certificate::Good);
    let mut world = with(directory, server);
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    assert_eq!(world.resolve("main").expect("resolved"), Some(id(&commit)));
    world.fetch_main().expect("fetched");
    assert_eq!(world.server.connections(), 1);

    let other = tempfile::tempdir().expect("a directory");
    let stranger = GitServer::start_tls(other.path(), Certificate::Good);
    for ca in [None, stranger.ca_pem()] {
        let mut remote = remote(&client(ca), world.repository.url(), Credentials::Anonymous);
        let error = remote.ls_refs(&["HEAD"]).expect_err("unknown CA");
        assert!(matches!(error, GitError::Tls { .. }), "{error:?}");
    }
}

#[test]
fn a_certificate_for_another_name_or_time_is_refused() {
    for certificate in [Certificate::OtherName, Certificate::Expired] {
        let directory = tempfile::tempdir().expect("a directory");
        let server = GitServer::start_tls(&directory.path().join("served"), certificate);
        let mut world = with(directory, server);
        let error = world.resolve("main").expect_err("refused");
        assert!(
            matches!(error, GitError::Tls { .. }),
            "{certificate:?}: {error:?}"
        );
        assert!(world.server.take_requests().is_empty());
    }
}
