//! The brake on deletions (DESIGN.md section 7), approvals, and leaving.

use muster_model::status::ClusterState;
use muster_model::{GroupKind, Reason};
use muster_tests::fakes::Faults;

use crate::hub::{DEFINITION, Hub, WIDGET, config_map, deployment, with_sync_options};
use crate::world::World;

/// Argo CD's finalizer: removing the Application removes what it deployed.
const CASCADE: &str = "  finalizers: [resources-finalizer.argocd.argoproj.io]";

/// Settles, looks for long that nothing moves, and starts anew once.
fn settle_twice(world: &World) {
    for _ in 0..2 {
        world.live(&Faults::none(), async |life| {
            life.settle().await;
            life.assert_still().await;
        });
    }
}

#[test]
fn five_objects_may_go_at_once() {
    let world = World::at(&Hub::shop().more(5));
    let commit_id = world.commit(&Hub::shop());
    settle_twice(&world);
    world.assert_at("shop", &commit_id);
    assert_eq!(world.objects().len(), 4);
    assert_eq!(world.cluster.deletes().len(), 5);
}

#[test]
fn six_of_ten_wait_for_an_approval_and_go_with_it() {
    let world = World::at(&Hub::shop().more(6));
    world.commit(&Hub::shop());
    settle_twice(&world);
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
    let pending = world
        .application("shop")
        .pending_deletions
        .expect("something is pending");
    assert_eq!(pending.count, 6);
    let approval = world.approval("shop");
    let commit_id = world.commit(&Hub::shop().fleet(&approval));
    settle_twice(&world);
    world.assert_at("shop", &commit_id);
    assert_eq!(world.cluster.deletes().len(), 6);
}

#[test]
fn an_approval_of_something_else_permits_nothing() {
    let world = World::at(&Hub::shop().more(6));
    let before = world.source.tip(crate::hub::URL, "main").expect("there");
    let digest = muster_model::Digest::of(b"something else");
    let approval = format!(
        "  approvals:\n    - {{application: shop, deletions: \"{digest}\", before: {:?}}}",
        before.as_str()
    );
    world.commit(&Hub::shop().fleet(&approval));
    settle_twice(&world);
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
}

/// The brake counts per release, not per pass: deletions do not drip through it.
#[test]
fn the_brake_is_not_emptied_by_restarts() {
    let world = World::at(&Hub::shop().more(30));
    world.commit(&Hub::shop());
    for _ in 0..5 {
        world.settle();
    }
    world.assert_deletes(&[]);
    world.assert_reason(Reason::NeedsApproval);
}

/// All of an Application, however small.
#[test]
fn the_whole_of_a_small_application_waits() {
    let two = Hub::shop()
        .application("books", CASCADE)
        .file("apps/books/books.yaml", &config_map("books", "1"));
    let world = World::at(&two);
    world.commit(&two.without_application("books"));
    settle_twice(&world);
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
    assert!(world.objects().contains("ConfigMap/shop/books"));
}

/// An approval is of all that left Git: what an agent cannot see yet would go with it, and is shown with what waits.
#[test]
fn what_cannot_be_seen_is_listed_with_what_waits() {
    let two = Hub::shop()
        .application("books", CASCADE)
        .file("apps/books/books.yaml", &config_map("books", "1"))
        .file("apps/books/web.yaml", &deployment("books", "shop:1"));
    let world = World::at(&two);
    world.commit(&two.without_application("books"));
    let waiting = || {
        world.settle();
        let pending = world.application("books").pending_deletions;
        pending.expect("something is pending").objects
    };
    let both = ["ConfigMap/shop/books", "Deployment.apps/shop/books"];
    assert_eq!(waiting(), both);
    let kind = GroupKind::new("", "ConfigMap");
    world.cluster.break_watch(&kind, true);
    assert_eq!(waiting(), both);
    world.cluster.break_watch(&kind, false);
    assert_eq!(waiting(), both);
    world.assert_deletes(&[]);
}

/// As in Argo CD: without the finalizer, removing an Application does not remove what it deployed.
#[test]
fn an_application_without_the_finalizer_leaves_its_objects_running_and_unmarked() {
    let two = Hub::shop()
        .application("books", "")
        .file("apps/books/books.yaml", &config_map("books", "1"));
    let world = World::at(&two);
    world.commit(&two.without_application("books"));
    settle_twice(&world);
    world.assert_deletes(&[]);
    assert!(!world.objects().contains("ConfigMap/shop/books"));
    let books = muster_model::ObjectId::new("", "ConfigMap", "shop", "books");
    assert!(world.cluster.get(&books).is_some());
}

/// A Namespace waits whatever the budget says.
#[test]
fn a_namespace_waits() {
    let first = Hub::shop().file(
        "apps/shop/books.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: books}\n",
    );
    let world = World::at(&first);
    world.commit(&Hub::shop());
    settle_twice(&world);
    world.assert_reason(Reason::NeedsApproval);
    world.assert_deletes(&[]);
}

/// The shop, whose Namespace goes with it, and the books, which live in that.
fn shop_with_books() -> Hub {
    Hub::shop()
        .edit_application(
            "shop",
            "  name: shop\n",
            &format!("  name: shop\n{CASCADE}\n"),
        )
        .application("books", CASCADE)
        .file("apps/books/books.yaml", &config_map("books", "1"))
}

/// Commits what is left in Git, approves what that deletes of an Application, and says how.
fn approve(world: &World, left: &Hub, application: &str) -> String {
    world.commit(left);
    world.settle();
    let approval = world.approval(application);
    world.commit(&left.clone().fleet(&approval));
    settle_twice(world);
    approval
}

/// An approved Namespace goes only when nothing of another Application would go with it.
#[test]
fn a_namespace_stays_while_another_application_lives_in_it() {
    let both = shop_with_books();
    let world = World::at(&both);
    let uid = world.live_object("ConfigMap/shop/books")["metadata"]["uid"].clone();
    let books = both.without_application("shop");
    let approval = approve(&world, &books, "shop");
    world.assert_reason(Reason::InUse);
    let shop = [
        "ConfigMap/shop/config",
        "Deployment.apps/shop/web",
        "Service/shop/web",
    ];
    world.assert_deletes(&shop);
    let live = world.live_object("ConfigMap/shop/books");
    assert_eq!(live["metadata"]["uid"], uid);

    let nothing = books.without_application("books").fleet(&approval);
    world.commit(&nothing);
    world.settle();
    let line = world.approval("books").replace("  approvals:\n", "");
    world.commit(&nothing.fleet(&line));
    settle_twice(&world);
    world.assert_objects(&[]);
    let last = world.cluster.deletes().last().map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("Namespace/shop"));
}

/// The same where a Namespace leaves an Application that goes on living in it.
#[test]
fn a_namespace_stays_while_its_own_application_lives_in_it() {
    let world = World::at(&Hub::shop());
    approve(
        &world,
        &Hub::shop().without("apps/shop/namespace.yaml"),
        "shop",
    );
    world.assert_reason(Reason::InUse);
    world.assert_deletes(&[]);
}

/// The same for a definition.
#[test]
fn a_definition_stays_while_another_application_has_instances() {
    let both = Hub::shop()
        .file("apps/shop/definition.yaml", DEFINITION)
        .application("books", CASCADE)
        .file("apps/books/widget.yaml", WIDGET);
    let world = World::at(&both);
    let books = both.without("apps/shop/definition.yaml");
    approve(&world, &books, "shop");
    world.assert_reason(Reason::InUse);
    world.assert_deletes(&[]);
}

/// What says `Delete=false` outlives its Application, and so does the namespace that it would go with.
#[test]
fn a_namespace_stays_with_an_object_that_says_delete_false() {
    let kept = with_sync_options(&config_map("config", "a"), "Delete=false");
    let shop = shop_with_books()
        .without_application("books")
        .file("apps/shop/config.yaml", &kept);
    let world = World::at(&shop);
    world.commit(&shop.without_application("shop"));
    settle_twice(&world);
    world.assert_deletes(&["Deployment.apps/shop/web", "Service/shop/web"]);
    world.assert_objects(&[]);
    world.live_object("ConfigMap/shop/config");
    world.live_object("Namespace/shop");
}

/// Going back to the content before takes the wish to delete away.
#[test]
fn a_revert_releases_the_brake() {
    let first = Hub::shop().more(6);
    let world = World::at(&first);
    world.commit(&Hub::shop());
    world.settle();
    let commit_id = world.commit(&first);
    settle_twice(&world);
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&[]);
}

/// `argocd.argoproj.io/sync-options: Prune=false`.
#[test]
fn an_object_that_says_prune_false_stays() {
    let kept = with_sync_options(&config_map("kept", "x"), "Prune=false");
    let world = World::at(&Hub::shop().file("apps/shop/kept.yaml", &kept));
    world.commit(&Hub::shop());
    settle_twice(&world);
    world.assert_deletes(&[]);
    world.live_object("ConfigMap/shop/kept");
}

/// Without `prune` nothing goes.
#[test]
fn an_application_without_prune_deletes_nothing() {
    let first = Hub::shop()
        .more(1)
        .edit_application("shop", "prune: true", "prune: false");
    let world = World::at(&first);
    world.commit(&first.without("apps/shop/more-0.yaml"));
    settle_twice(&world);
    world.assert_deletes(&[]);
    world.assert_reason(Reason::PruneDisabled);
}

/// HAZARDS.md T-79.
#[test]
fn t_79_the_old_generation_of_a_generated_config_map_stays_until_the_workloads_are_healthy() {
    let shop = |value: &str| {
        Hub::shop().file(
            "apps/shop/kustomization.yaml",
            &format!(
                "resources: [namespace.yaml, web.yaml, service.yaml]\nnamespace: shop\nconfigMapGenerator:\n  - {{name: settings, literals: [value={value}]}}\n"
            ),
        )
    };
    let web = deployment("web", "web:1").replace(
        "ports: [{containerPort: 8080}]",
        "envFrom: [{configMapRef: {name: settings}}]",
    );
    let first = shop("one").file("apps/shop/web.yaml", &web);
    let world = World::at(&first);
    let old: Vec<_> = world
        .objects()
        .into_iter()
        .filter(|id| id.contains("settings-"))
        .collect();
    world
        .cluster
        .stick(&crate::world::id_of("Deployment.apps/shop/web"), true);
    let commit_id = world.commit(&shop("two").file("apps/shop/web.yaml", &web));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        assert!(
            world.objects().contains(&old[0]),
            "the old generation went too early"
        );
        assert_eq!(
            world
                .objects()
                .iter()
                .filter(|id| id.contains("settings-"))
                .count(),
            2
        );
        world.assert_deletes(&[]);
        world
            .cluster
            .stick(&crate::world::id_of("Deployment.apps/shop/web"), false);
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_deletes(&[&old[0]]);
}

/// HAZARDS.md T-77: the cluster-wide brake.
#[test]
fn t_77_many_small_applications_do_not_empty_together() {
    let names: Vec<String> = (0..40).map(|index| format!("app-{index}")).collect();
    let full = names.iter().fold(Hub::shop(), |hub, name| {
        let pair = format!(
            "{}---\n{}",
            config_map(&format!("{name}-a"), "x"),
            config_map(&format!("{name}-b"), "x")
        );
        hub.application(name, "")
            .file(&format!("apps/{name}/all.yaml"), &pair)
    });
    let world = World::at(&full);
    let halved = names.iter().fold(full, |hub, name| {
        hub.file(
            &format!("apps/{name}/all.yaml"),
            &config_map(&format!("{name}-a"), "x"),
        )
    });
    world.commit(&halved);
    settle_twice(&world);
    world.assert_reason(Reason::NeedsApproval);
    let deletes = world.cluster.deletes().len();
    assert!(deletes <= 20, "{deletes} went");
}

#[test]
fn a_leaving_cluster_that_preserves_loses_its_marks_and_nothing_else() {
    let world = World::at(&Hub::shop());
    world.commit(&Hub::shop().clusters(&["{name: east, state: Leaving, onLeave: Preserve}"]));
    settle_twice(&world);
    assert_eq!(world.published().state, ClusterState::Left);
    world.assert_deletes(&[]);
    world.assert_objects(&[]);
    world.live_object("Deployment.apps/shop/web");
}

#[test]
fn a_leaving_cluster_that_prunes_is_emptied() {
    let world = World::at(&Hub::shop());
    world.commit(&Hub::shop().clusters(&["{name: east, state: Leaving, onLeave: Prune}"]));
    settle_twice(&world);
    let said = world.published();
    assert_eq!(
        said.state,
        ClusterState::Left,
        "{:#?}",
        (&said, world.objects(), world.cluster.writes())
    );
    world.assert_objects(&[]);
    assert_eq!(
        world.cluster.get(&crate::world::id_of("Namespace/shop")),
        None
    );
}

#[test]
fn a_suspended_cluster_stands_still() {
    let world = World::at(&Hub::shop());
    let hub = Hub::shop()
        .clusters(&["{name: east, state: Suspended}"])
        .file("apps/shop/config.yaml", &config_map("config", "b"));
    world.commit(&hub);
    let writes = world.cluster.writes().len();
    settle_twice(&world);
    assert_eq!(world.cluster.writes().len(), writes);
    assert_eq!(world.published().state, ClusterState::Suspended);
}
