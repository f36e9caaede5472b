//! What a watch does when the server misbehaves, in virtual time.

use std::time::Duration;

use muster_model::observed::WatchEvent;
use tokio::sync::mpsc;

use super::{PAUSE, pause};
use crate::fake_server::{Asked, Reply, client, config_maps};

/// One line of a watch: an event about a ConfigMap `name` at a version.
fn event(kind: &str, name: &str, version: u32) -> String {
    let metadata =
        format!(r#"{{"name":"{name}","namespace":"shop","resourceVersion":"{version}"}}"#);
    format!("{{\"type\":\"{kind}\",\"object\":{{\"metadata\":{metadata}}}}}\n")
}

fn end_of_list(version: u32) -> String {
    let annotations = r#"{"k8s.io/initial-events-end":"true"}"#;
    let metadata = format!(r#"{{"resourceVersion":"{version}","annotations":{annotations}}}"#);
    format!("{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{metadata}}}}}\n")
}

fn expired() -> String {
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n"
        .to_owned()
}

/// What a watch of ConfigMaps says, in short: `[a@1 b@2]`, `a@3`, `-a`, `!ApiUnreachable`.
async fn said(script: &[Reply], count: usize) -> (Vec<String>, Asked) {
    let (client, asked) = client(script);
    let (events, mut inbox) = mpsc::channel(16);
    let task = client.watch(config_maps(), events);
    let mut said = Vec::new();
    while said.len() < count {
        said.push(short(inbox.recv().await.expect("the watch goes on")));
    }
    drop(inbox);
    task.await.expect("it ends without a panic");
    (said, asked)
}

fn short(event: WatchEvent) -> String {
    match event {
        WatchEvent::Listed(_, list) => {
            let items: Vec<_> = list
                .iter()
                .map(|(id, r)| format!("{}@{}", id.name(), r.resource_version))
                .collect();
            format!("[{}]", items.join(" "))
        }
        WatchEvent::Changed(id, record) => format!("{}@{}", id.name(), record.resource_version),
        WatchEvent::Gone(id) => format!("-{}", id.name()),
        WatchEvent::Broken(_, problem) => format!("!{}", problem.reason),
        WatchEvent::Namespaces(all) => format!("{all:?}"),
    }
}

fn requests(asked: &Asked) -> Vec<String> {
    asked.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_list_streams_in_and_changes_follow_on_the_same_request() {
    let lines = event("ADDED", "a", 1) + &event("ADDED", "b", 2) + &end_of_list(5);
    let changes = event("MODIFIED", "a", 6) + &event("DELETED", "b", 7);
    let (said, asked) = said(&[Reply::StaysOpen(lines + &changes)], 3).await;
    assert_eq!(said, ["[a@1 b@2]", "a@6", "-b"]);
    assert_eq!(requests(&asked).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_position_is_listed_again_without_a_word() {
    let script = [
        Reply::StaysOpen(end_of_list(5) + &expired()),
        Reply::StaysOpen(event("ADDED", "a", 9) + &end_of_list(9)),
    ];
    assert_eq!(said(&script, 2).await.0, ["[]", "[a@9]"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_position_at_reopening_is_listed_again() {
    let script = [
        Reply::Ends(end_of_list(5)),
        Reply::Error(410, 0),
        Reply::StaysOpen(end_of_list(9)),
    ];
    assert_eq!(said(&script, 2).await.0, ["[]", "[]"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_time_is_up_is_reopened_at_its_last_bookmark() {
    let first = end_of_list(5) + &event("MODIFIED", "a", 6) + &event("BOOKMARK", "", 8);
    let script = [
        Reply::Ends(first),
        Reply::StaysOpen(event("MODIFIED", "a", 9)),
    ];
    let (said, asked) = said(&script, 3).await;
    assert_eq!(said, ["[]", "a@6", "a@9"]);
    let asked = requests(&asked);
    assert!(
        asked[1].contains("&resourceVersion=8&") && !asked[1].contains("sendInitialEvents"),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_streaming_lists_pages_are_read() {
    let page = |name: &str, next: &str| {
        format!(
            r#"{{"metadata":{{"resourceVersion":"7","continue":"{next}"}},
                "items":[{{"metadata":{{"name":"{name}","namespace":"shop","resourceVersion":"1"}}}}]}}"#
        )
    };
    let script = [
        Reply::Error(422, 0),
        Reply::Ends(page("a", "page/2")),
        Reply::Ends(page("b", "")),
        Reply::StaysOpen(event("MODIFIED", "a", 8)),
    ];
    let (said, asked) = said(&script, 2).await;
    assert_eq!(said, ["[a@1 b@1]", "a@8"]);
    let asked = requests(&asked);
    assert!(asked[2].contains("&continue=page%2F2"), "{asked:?}");
    assert!(asked[3].contains("&resourceVersion=7&"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_ends_the_list_is_asked_for_pages() {
    let script = [
        Reply::StaysOpen(event("ADDED", "a", 1)),
        Reply::Ends(r#"{"metadata":{"resourceVersion":"7"},"items":[]}"#.to_owned()),
    ];
    assert_eq!(said(&script, 1).await.0, ["[]"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_reopened_where_it_was() {
    let script = [
        Reply::StaysOpen(end_of_list(5)),
        Reply::StaysOpen(event("MODIFIED", "a", 6)),
    ];
    let (said, asked) = said(&script, 2).await;
    assert_eq!(said, ["[]", "a@6"]);
    assert!(requests(&asked)[1].contains("&resourceVersion=5&"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_stays_broken_says_so_once_and_lists_again() {
    let mut script = vec![Reply::Ends(end_of_list(5))];
    script.extend(vec![Reply::Error(503, 0); 7]);
    script.push(Reply::StaysOpen(event("ADDED", "a", 9) + &end_of_list(9)));
    assert_eq!(said(&script, 3).await.0, ["[]", "!ApiUnreachable", "[a@9]"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_no_event_breaks_the_watch_and_it_is_listed_again() {
    let script = [
        Reply::StaysOpen(end_of_list(5) + "<html>\n"),
        Reply::Ends(String::from("<html>\n")),
        Reply::Ends(String::from("<html>\n")),
        Reply::Ends(String::from("<html>\n")),
        Reply::StaysOpen(end_of_list(9)),
    ];
    assert_eq!(said(&script, 3).await.0, ["[]", "!ApiUnreachable", "[]"]);
}

#[test]
fn pauses_grow_to_a_limit_and_respect_what_the_server_asks() {
    assert!(pause(0, None) <= PAUSE.0.mul_f64(1.5));
    assert!(pause(40, None) <= PAUSE.1.mul_f64(1.5));
    assert!(pause(0, Some(20)) >= Duration::from_secs(20));
    assert!(pause(0, Some(u32::MAX)) <= Duration::from_secs(60));
}
