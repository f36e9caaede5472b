//! Coverage of `fieldsV1`, against a model of what the API server writes there: random objects of random schemas are
//! applied, others take fields over, remove them and add their own, and what coverage says is compared with what is so.

mod model;

use std::collections::BTreeSet;

use muster_sync::coverage::{covers_except, owned_leaves, owns};
use muster_sync::{Coverage, covers};
use proptest::prelude::*;

use model::{Leaf, Tree, exact_object, object};

/// Coverage right after an apply.
fn after_apply(tree: &Tree) -> Coverage {
    covers(&tree.fields(), &tree.node())
}

/// Coverage after another manager took these leaves over.
fn after_loss(tree: &Tree, lost: &[&Leaf]) -> Coverage {
    let mut fields = tree.fields();
    for leaf in lost {
        model::lose(&mut fields, &leaf.path);
    }
    covers(&fields, &tree.node())
}

/// True when a leaf is named as missing and nothing else is: itself, or what Git has below an atomic mapping.
fn names(coverage: &Coverage, pointer: &str) -> bool {
    let Coverage::Missing(paths) = coverage else {
        return false;
    };
    let is_it = |path: &String| {
        path.strip_prefix(pointer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !paths.is_empty() && paths.iter().all(is_it)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was applied is covered: there is no drift where nobody did anything.
    #[test]
    fn what_was_applied_is_covered(tree in object()) {
        match after_apply(&tree) {
            Coverage::Full => {}
            Coverage::Inconclusive(_) => prop_assert!(tree.is_ambiguous() || tree.has_hollow()),
            Coverage::Missing(paths) => prop_assert!(false, "{paths:?} of {tree:?}"),
        }
    }

    /// A field that the server drops is never taken for one that is there, and never hides that it is so.
    #[test]
    fn what_the_server_dropped_is_not_covered(tree in object(), name in "[a-c]") {
        let dropped = Tree::Map([(name.clone(), tree.clone()), ("zz".to_owned(), Tree::Pruned)].into());
        let coverage = after_apply(&dropped);
        prop_assert!(coverage != Coverage::Full, "{coverage:?}");
    }

    /// A leaf that somebody else set or removed is never overlooked.
    #[test]
    fn a_lost_leaf_is_seen(tree in object(), choice in any::<prop::sample::Index>()) {
        let leaves = tree.leaves();
        prop_assume!(!leaves.is_empty());
        let lost = choice.get(&leaves);
        let coverage = after_loss(&tree, &[lost]);
        prop_assert!(coverage != Coverage::Full, "{lost:?} of {tree:?}");
        if tree.is_exact() {
            prop_assert!(names(&coverage, &lost.pointer), "{coverage:?} for {lost:?}");
        }
    }

    /// The same for several at once, and what is ignored does not count.
    #[test]
    fn of_several_lost_leaves_those_that_are_ignored_do_not_count(
        tree in exact_object(),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let leaves = tree.leaves();
        prop_assert!(tree.is_exact());
        prop_assume!(!leaves.is_empty());
        let lost: BTreeSet<&Leaf> = choices.iter().map(|choice| choice.get(&leaves)).collect();
        let mut fields = tree.fields();
        for leaf in &lost {
            model::lose(&mut fields, &leaf.path);
        }
        let ignored: BTreeSet<String> = lost.iter().map(|leaf| leaf.pointer.clone()).collect();
        prop_assert_eq!(covers_except(&fields, &tree.node(), &ignored), Coverage::Full);
        let first = lost.first().expect("at least one");
        let but_first = ignored.iter().filter(|p| **p != first.pointer).cloned().collect();
        let coverage = covers_except(&fields, &tree.node(), &but_first);
        prop_assert!(names(&coverage, &first.pointer), "{coverage:?} for {first:?}");
    }

    /// What Git adds and nobody applied yet is missing.
    #[test]
    fn what_git_adds_is_missing_until_it_is_applied(tree in object(), more in object()) {
        let mut wanted = tree.clone();
        let Tree::Map(map) = &mut wanted else { unreachable!("an object is a map") };
        map.insert("added".to_owned(), more);
        let coverage = covers(&tree.fields(), &wanted.node());
        prop_assert!(coverage != Coverage::Full, "{coverage:?}");
        if wanted.is_exact() {
            prop_assert!(matches!(coverage, Coverage::Missing(_)), "{coverage:?}");
        }
    }

    /// The leaves that an entry owns are those of the object, each found again by its own pointer.
    #[test]
    fn every_owned_leaf_is_found_again(tree in object()) {
        prop_assume!(!tree.is_ambiguous());
        let (fields, node) = (tree.fields(), tree.node());
        let found = owned_leaves(&fields, &node);
        for leaf in tree.leaves() {
            prop_assert!(found.contains(&leaf.pointer), "{leaf:?} is not in {found:?}");
            prop_assert!(owns(&fields, &node, &leaf.pointer), "{leaf:?}");
        }
    }
}
