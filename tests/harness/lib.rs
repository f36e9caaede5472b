//! The harness the test layers share.

mod binary;
pub mod demo;
pub mod disk;
pub mod fakes;
pub mod git_server;
pub mod hub_repository;
pub mod sim;
pub mod testbed;

pub use binary::binary;
