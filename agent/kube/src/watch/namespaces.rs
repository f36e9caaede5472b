//! The namespaces, as one small map that is sent whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_model::observed::{NamespaceState, Record};
use tokio::sync::mpsc;

use super::{WatchEvent, Watcher};
use crate::client::Inner;

/// Events that may wait to be gathered into one map.
const QUEUE: usize = 64;

pub(super) async fn run(inner: Arc<Inner>, events: mpsc::Sender<WatchEvent>) {
    let (changes, inbox) = mpsc::channel(QUEUE);
    let watcher = Watcher::of_namespaces(inner, changes);
    tokio::select! {
        () = events.closed() => {}
        () = watcher.run() => {}
        () = gather(inbox, &events) => {}
    }
}

/// Sends the map after every burst of changes, problems as they come.
async fn gather(mut inbox: mpsc::Receiver<WatchEvent>, events: &mpsc::Sender<WatchEvent>) {
    let mut all = BTreeMap::new();
    while let Some(first) = inbox.recv().await {
        let mut next = Some(first);
        let mut changed = false;
        while let Some(event) = next {
            match event {
                WatchEvent::Broken(kind, problem) => {
                    if events
                        .send(WatchEvent::Broken(kind, problem))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                other => changed |= take_in(&mut all, other),
            }
            next = inbox.try_recv().ok();
        }
        if changed
            && events
                .send(WatchEvent::Namespaces(all.clone()))
                .await
                .is_err()
        {
            return;
        }
    }
}

/// True when the map may have changed.
fn take_in(all: &mut BTreeMap<String, NamespaceState>, event: WatchEvent) -> bool {
    match event {
        WatchEvent::Listed(_, list) => {
            *all = list
                .into_iter()
                .map(|(id, record)| (id.name().to_owned(), state(record)))
                .collect();
            true
        }
        WatchEvent::Changed(id, record) => {
            let state = state(*record);
            all.insert(id.name().to_owned(), state.clone()) != Some(state)
        }
        WatchEvent::Gone(id) => all.remove(id.name()).is_some(),
        WatchEvent::Broken(..) | WatchEvent::Namespaces(_) => false,
    }
}

fn state(record: Record) -> NamespaceState {
    let terminating = record.deleting;
    record.namespace.map_or_else(
        || NamespaceState {
            terminating,
            ..NamespaceState::default()
        },
        |state| *state,
    )
}
