//! The harness the test layers share.

pub mod fakes;
