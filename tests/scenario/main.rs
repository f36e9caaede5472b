//! Scenarios: commits, people, controllers and crashes around one agent, on strict fakes of its three ports, with time
//! that passes at once. Every scenario ends at a fixpoint, and the invariants of HAZARDS.md section 1 are looked at
//! after every write.

mod app_of_apps;
mod bad_input;
mod crash;
mod deletion;
mod drift;
mod faults;
mod git_events;
mod hub;
mod limits;
mod ownership;
mod patience;
mod placements;
mod policies;
mod seeing;
mod sources;
mod storm;
mod world;
mod writers;
