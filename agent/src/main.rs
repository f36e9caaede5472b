//! `muster`: the agent of one cluster, and the questions a fleet asks.

fn main() {}
