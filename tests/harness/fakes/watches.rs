//! Label-selected watches: a complete list first, then every change in order.

use std::collections::BTreeSet;

use muster::ports::WatchEvent;
use muster_model::{GroupKind, Node, ObjectId, Problem, Reason};
use tokio::sync::mpsc;

use super::api_server::{self, ApiServer, Change};
use super::journal::Journal;
use super::requests::{part_of, seen};

type Queue = mpsc::UnboundedSender<WatchEvent>;

struct Subscription {
    kind: GroupKind,
    queue: Queue,
    /// False until a list was sent, and again once the watch broke.
    live: bool,
    /// Why it is not, as it was said last.
    said: Option<Reason>,
}

/// Everybody who watches.
pub(super) struct Watches {
    applyset: String,
    kinds: Vec<Subscription>,
    namespaces: Vec<Queue>,
    broken: BTreeSet<GroupKind>,
    away: bool,
    forbidden: bool,
    /// Events still to be lost, and to be told a second time.
    miss: u32,
    repeat: u32,
    /// Told again before the next event.
    again: Vec<(GroupKind, WatchEvent)>,
    /// What lists answer from while replicas lag.
    pub(super) stale: Option<api_server::Backup>,
    pub(super) journal: Journal,
}

impl Watches {
    pub(super) fn new(applyset: String) -> Self {
        Self {
            applyset,
            kinds: Vec::new(),
            namespaces: Vec::new(),
            broken: BTreeSet::new(),
            away: false,
            forbidden: false,
            miss: 0,
            repeat: 0,
            again: Vec::new(),
            stale: None,
            journal: Journal::default(),
        }
    }

    pub(super) fn subscribe(
        &mut self,
        kind: GroupKind,
        away: bool,
        api: &ApiServer,
    ) -> mpsc::UnboundedReceiver<WatchEvent> {
        let (queue, events) = mpsc::unbounded_channel();
        self.away = away;
        let mut subscription = Subscription {
            kind,
            queue,
            live: false,
            said: None,
        };
        if self.works(&subscription.kind, api) {
            subscription.list(&self.applyset, api, self.stale.as_ref());
        } else {
            subscription.fall(self.away, self.forbidden, api);
        }
        self.kinds.push(subscription);
        events
    }

    pub(super) fn subscribe_namespaces(
        &mut self,
        api: &ApiServer,
    ) -> mpsc::UnboundedReceiver<WatchEvent> {
        let (queue, events) = mpsc::unbounded_channel();
        send(&queue, WatchEvent::Namespaces(api.namespace_states()));
        self.namespaces.push(queue);
        events
    }

    fn works(&self, kind: &GroupKind, api: &ApiServer) -> bool {
        !self.away && !self.forbidden && !self.broken.contains(kind) && api.serves(kind)
    }

    /// Passes on what changed. Kinds that came to be served are listed, kinds that no longer are break.
    pub(super) fn tell(&mut self, changes: &[Change], api: &ApiServer) {
        self.refresh(api);
        for change in changes {
            self.tell_one(change);
        }
        if changes
            .iter()
            .any(|change| change.id.group_kind().is("", "Namespace"))
        {
            self.namespaces.retain(|queue| !queue.is_closed());
            for queue in self.namespaces.iter().filter(|_| !self.away) {
                send(queue, WatchEvent::Namespaces(api.namespace_states()));
            }
        }
    }

    fn tell_one(&mut self, change: &Change) {
        for (kind, event) in std::mem::take(&mut self.again) {
            for subscription in self.kinds.iter().filter(|s| s.live && s.kind == kind) {
                send(&subscription.queue, event.clone());
            }
            self.journal.reach("watch event repeated");
        }
        let Some(event) = self.event_of(change) else {
            return;
        };
        let kind = change.id.group_kind();
        if !self.kinds.iter().any(|s| s.live && s.kind == kind) {
            return;
        }
        if self.miss > 0 {
            self.miss -= 1;
            self.journal.reach("watch event missed");
            return;
        }
        if self.repeat > 0 {
            self.repeat -= 1;
            self.again.push((kind.clone(), event.clone()));
        }
        for subscription in self.kinds.iter().filter(|s| s.live && s.kind == kind) {
            send(&subscription.queue, event.clone());
        }
    }

    /// What a watch selected by our label tells of a change.
    fn event_of(&self, change: &Change) -> Option<WatchEvent> {
        let selected = |object: &Option<Node>| {
            let object = object.as_ref();
            object.is_some_and(|object| part_of(object) == Some(self.applyset.as_str()))
        };
        match (
            &change.after,
            selected(&change.before),
            selected(&change.after),
        ) {
            (Some(after), _, true) => Some(WatchEvent::Changed(
                change.id.clone(),
                Box::new(seen(&change.id, after)),
            )),
            (_, true, false) => Some(WatchEvent::Gone(change.id.clone())),
            (_, false, false) | (None, _, true) => None,
        }
    }

    /// Loses the next `miss` events, and tells the `repeat` after them twice, the second time late.
    pub(super) fn garble(&mut self, miss: u32, repeat: u32) {
        self.miss = miss;
        self.repeat = repeat;
    }

    /// Lists what came back, breaks what went away.
    pub(super) fn refresh(&mut self, api: &ApiServer) {
        self.kinds
            .retain(|subscription| !subscription.queue.is_closed());
        let works: Vec<bool> = self
            .kinds
            .iter()
            .map(|s| self.works(&s.kind, api))
            .collect();
        for (subscription, works) in self.kinds.iter_mut().zip(works) {
            match (subscription.live, works) {
                (false, true) => subscription.list(&self.applyset, api, self.stale.as_ref()),
                (true | false, false) => subscription.fall(self.away, self.forbidden, api),
                (true, true) => {}
            }
        }
    }

    pub(super) fn break_kind(&mut self, kind: &GroupKind, broken: bool, api: &ApiServer) {
        if broken {
            self.broken.insert(kind.clone());
        } else {
            self.broken.remove(kind);
        }
        self.refresh(api);
    }

    /// Takes the right to watch away, or gives it back.
    pub(super) fn forbid(&mut self, forbidden: bool, api: &ApiServer) {
        self.forbidden = forbidden;
        self.refresh(api);
    }

    pub(super) fn break_all(&mut self, away: bool, api: &ApiServer) {
        self.away = away;
        self.refresh(api);
        if !away {
            for queue in &self.namespaces {
                send(queue, WatchEvent::Namespaces(api.namespace_states()));
            }
        }
    }

    /// Sends complete lists, as after a 410.
    pub(super) fn relist(&mut self, api: &ApiServer) {
        // What would have been told again was told by the watches that end here.
        self.again.clear();
        for subscription in &mut self.kinds {
            subscription.live = false;
        }
        self.refresh(api);
        for queue in &self.namespaces {
            send(queue, WatchEvent::Namespaces(api.namespace_states()));
        }
    }
}

impl Subscription {
    fn list(&mut self, applyset: &str, api: &ApiServer, stale: Option<&api_server::Backup>) {
        (self.live, self.said) = (true, None);
        let ours = |id: &ObjectId, object: &Node| {
            id.group_kind() == self.kind && part_of(object) == Some(applyset)
        };
        let objects: Box<dyn Iterator<Item = (&ObjectId, &Node)>> = match stale {
            Some(backup) => Box::new(backup.objects()),
            None => Box::new(api.objects()),
        };
        let items = objects.filter(|(id, object)| ours(id, object));
        let items = items
            .map(|(id, object)| (id.clone(), seen(id, object)))
            .collect();
        send(&self.queue, WatchEvent::Listed(self.kind.clone(), items));
    }

    /// Says that the watch does not work, and says it again when that has another reason.
    fn fall(&mut self, away: bool, forbidden: bool, api: &ApiServer) {
        self.live = false;
        let (reason, message) = match (away, forbidden, api.serves(&self.kind)) {
            (false, true, _) => (Reason::Forbidden, "the kind may not be watched"),
            (false, false, false) => (Reason::KindMissing, "the kind is not served"),
            (true, _, _) | (false, false, true) => (Reason::ApiUnreachable, "the watch broke"),
        };
        if self.said.replace(reason) != Some(reason) {
            let problem = Problem::new(reason, message);
            send(&self.queue, WatchEvent::Broken(self.kind.clone(), problem));
        }
    }
}

fn send(queue: &Queue, event: WatchEvent) {
    // Nobody may be listening any more: that agent died.
    let _closed = queue.send(event);
}
