//! Servers that fail, lie, stall or point elsewhere (HAZARDS.md T-33, T-42, T-43, T-47, T-49).

use std::time::Duration;

use muster_git::{Credentials, GitError, HttpClient, HttpOptions};
use muster_model::Reason;
use muster_tests::git_server::{Fault, GitServer};

use crate::world::{client, id, impatient, remote, world};

#[test]
fn every_status_has_its_own_reason() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    for (status, reason) in [
        (401, Reason::GitAuth),
        (403, Reason::GitAuth),
        (404, Reason::GitNotFound),
        (429, Reason::GitRateLimited),
        (500, Reason::GitServerError),
        (503, Reason::GitServerError),
        (418, Reason::NotGit),
    ] {
        world
            .server
            .set_fault(Some(Fault::Status(status, Vec::new())));
        let error = world.resolve("main").expect_err("a fault");
        assert_eq!(error.reason(), reason, "{status}: {error}");
    }
    world.server.set_fault(Some(Fault::Html));
    assert_eq!(
        world.resolve("main").expect_err("a page").reason(),
        Reason::NotGit
    );
    world.server.set_fault(None);
    assert!(world.resolve("main").expect("well again").is_some());
}

#[test]
fn retry_after_is_handed_on_with_a_cap() {
    let mut world = world();
    for (given, taken) in [("7", 7), ("999999999", 3600)] {
        let header = ("Retry-After".to_owned(), given.to_owned());
        world.server.fault_once(Fault::Status(429, vec![header]));
        let error = world.resolve("main").expect_err("a fault");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(taken)));
    }
}

#[test]
fn nothing_listens_and_names_that_do_not_exist_are_unreachable() {
    for url in ["http://127.0.0.1:1/hub.git", "http://git.invalid/hub.git"] {
        let mut remote = remote(&client(None), url, Credentials::Anonymous);
        let error = remote.ls_refs(&["HEAD"]).expect_err("nobody there");
        assert_eq!(error.reason(), Reason::GitUnreachable, "{error:?}");
    }
}

#[test]
fn a_redirect_to_another_server_is_refused_and_that_server_sees_nothing() {
    let mut world = world();
    let directory = tempfile::tempdir().expect("a directory");
    let other = GitServer::start(directory.path());
    let basic = Credentials::Basic {
        user: "agent".to_owned(),
        password: "s3cr3t".to_owned(),
    };
    world.remote.set_credentials(basic).expect("usable");
    let own = world.server.url();
    let host = own.trim_start_matches("http://");
    for status in [301, 302, 303, 307, 308] {
        for to in [
            format!("{}/hub.git/info/refs?service=git-upload-pack", other.url()),
            format!("https://{host}/hub.git/info/refs?service=git-upload-pack"),
            format!("http://user@{host}/hub.git/info/refs?service=git-upload-pack"),
            "/other.git/info/refs?service=git-upload-pack".to_owned(),
            "/login".to_owned(),
        ] {
            world.server.fault_once(Fault::Redirect(status, to.clone()));
            let error = world.resolve("main").expect_err("refused");
            assert_eq!(
                error.reason(),
                Reason::RedirectRefused,
                "{status} {to}: {error:?}"
            );
        }
    }
    assert_eq!((other.connections(), other.take_requests().len()), (0, 0));
}

#[test]
fn a_redirect_that_only_adds_dot_git_is_followed_and_remembered() {
    let world = world();
    let commit = world.repository.commit_files("main", &[("a", b"1")]);
    let url = format!("{}/hub", world.server.url());
    let mut remote = remote(&client(None), &url, Credentials::Anonymous);
    world.server.fault_once(Fault::Redirect(
        301,
        "/hub.git/info/refs?service=git-upload-pack".to_owned(),
    ));
    let refs = remote.ls_refs(&["HEAD"]).expect("followed");
    assert_eq!(refs.head, Some(id(&commit)));
    let last = world.server.take_requests().pop().expect("a request");
    assert_eq!(last.path, "/hub.git/git-upload-pack");
}

#[test]
fn a_redirect_in_circles_ends() {
    let mut world = world();
    let again = "/hub.git/info/refs?service=git-upload-pack".to_owned();
    world.server.set_fault(Some(Fault::Redirect(302, again)));
    let error = world.resolve("main").expect_err("refused");
    assert_eq!(error.reason(), Reason::RedirectRefused);
    assert_eq!(world.server.take_requests().len(), 2);
}

#[test]
fn a_server_that_falls_silent_ends_the_fetch_and_the_next_one_works() {
    let mut world = world();
    let commit = id(&world.repository.commit_files("main", &[("a", b"1")]));
    assert!(world.resolve("main").expect("resolved").is_some());
    let patient = world.remote;
    for fault in [Fault::Stall, Fault::StallAfter(40), Fault::StallAfter(200)] {
        let mut remote = remote(&impatient(), world.repository.url(), Credentials::Anonymous);
        // What the server speaks is learned first, so that it is the pack that stalls; a busy machine may need a second try.
        assert!((0..100).any(|_| remote.ls_refs(&["HEAD"]).is_ok()));
        world.server.set_fault(Some(fault.clone()));
        let error = world.store.fetch(&mut remote, &commit).expect_err("silent");
        world.server.set_fault(None);
        assert_eq!(
            error.reason(),
            Reason::GitUnreachable,
            "{fault:?}: {error:?}"
        );
    }
    world.remote = patient;
    world
        .store
        .fetch(&mut world.remote, &commit)
        .expect("well again");
}

#[test]
fn an_answer_that_trickles_ends_at_its_deadline() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let options = HttpOptions {
        answer_timeout: Duration::ZERO,
        ..HttpOptions::default()
    };
    let client = HttpClient::new(&options).expect("a client");
    world.remote = remote(&client, world.repository.url(), Credentials::Anonymous);
    let error = world.resolve("main").expect_err("too slow");
    assert_eq!(error.reason(), Reason::GitUnreachable, "{error:?}");
}

#[test]
fn an_interrupted_client_sends_nothing_more() {
    let mut world = world();
    let client = client(None);
    world.remote = remote(&client, world.repository.url(), Credentials::Anonymous);
    client
        .interrupt()
        .store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(world.resolve("main"), Err(GitError::Interrupted)));
    assert!(world.server.take_requests().is_empty());
}

#[test]
fn a_server_that_sends_another_commit_than_asked_has_lied() {
    let mut world = world();
    let asked = id(&world.repository.commit_files("main", &[("a", b"1")]));
    let honest = GitServer::start(&world.directory.path().join("honest"));
    let other = honest.create("hub");
    other.commit_files("main", &[("a", b"2")]);
    let pack = other.git_raw_pack("main");
    assert!(world.resolve("main").expect("resolved").is_some());
    let answer = Fault::Answer("application/x-git-upload-pack-result".to_owned(), pack);
    world.server.set_fault(Some(answer));
    let error = world
        .store
        .fetch(&mut world.remote, &asked)
        .expect_err("another commit");
    assert_eq!(error.reason(), Reason::ServerLied, "{error:?}");
    world.server.set_fault(None);
    world
        .store
        .fetch(&mut world.remote, &asked)
        .expect("well again");
    assert!(world.store.snapshot(&asked).is_ok());
}

#[test]
fn damaged_packs_bombs_and_rubbish_are_refused() {
    let mut world = world();
    let commit = id(&world.repository.commit_files("main", &[("a", b"1")]));
    assert!(world.resolve("main").expect("resolved").is_some());
    let mut damaged = world.repository.git_raw_pack("main");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let mut bomb = b"000dpackfile\n0011\x01PACK\0\0\0\x02\xff\xff\xff\xff".to_vec();
    bomb.extend_from_slice(b"0000");
    for (what, body, reason) in [
        ("damaged", damaged, Reason::ServerLied),
        ("bomb", bomb, Reason::RepositoryTooLarge),
        ("rubbish", b"<html>".to_vec(), Reason::NotGit),
        ("nothing", b"0000".to_vec(), Reason::ServerLied),
    ] {
        let kind = "application/x-git-upload-pack-result".to_owned();
        world.server.set_fault(Some(Fault::Answer(kind, body)));
        let error = world
            .store
            .fetch(&mut world.remote, &commit)
            .expect_err(what);
        assert_eq!(error.reason(), reason, "{what}: {error:?}");
    }
    world.server.set_fault(None);
    world
        .store
        .fetch(&mut world.remote, &commit)
        .expect("well again");
}

#[test]
fn a_commit_the_server_does_not_have_is_named() {
    let mut world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let gone = id(&"1".repeat(40));
    let error = world
        .store
        .fetch(&mut world.remote, &gone)
        .expect_err("unknown");
    assert_eq!(error.reason(), Reason::ReleaseUnavailable, "{error:?}");
}

#[test]
fn the_environments_proxy_is_not_used() {
    // The variable is set for a child of its own: this test binary again, running only this test's other half.
    let world = world();
    world.repository.commit_files("main", &[("a", b"1")]);
    let program = std::env::current_exe().expect("this binary");
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "refusals::asks_the_server_named_in_the_environment",
            "--ignored",
        ])
        .env("MUSTER_TEST_URL", world.repository.url())
        .env("http_proxy", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("ALL_PROXY", "http://127.0.0.1:1")
        .output()
        .expect("started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(world.server.take_requests().len(), 2);
}

#[test]
#[ignore = "started by another test, with an environment of its own"]
fn asks_the_server_named_in_the_environment() {
    let Ok(url) = std::env::var("MUSTER_TEST_URL") else {
        return;
    };
    let mut remote = remote(&client(None), &url, Credentials::Anonymous);
    assert!(remote.ls_refs(&["HEAD"]).expect("direct").head.is_some());
}
