//! The contract of agent/kube.
use muster_tests::testbed::{Programs, Testbed};
#[test]
fn a_cluster_starts() {
    let Some(programs) = Programs::find_or_skip() else {
        return;
    };
    let bed = Testbed::start(programs).unwrap();
    let mut c = bed.cluster("one").unwrap();
    println!("{:?}", c.get("/version").body);
    c.start_controllers().unwrap();
    c.start_nodes(1).unwrap();
}
