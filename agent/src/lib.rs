//! A Git-native pull agent, one per cluster, and the questions a fleet asks.
