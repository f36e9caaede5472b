//! The harness the test layers share.

mod binary;
pub mod fakes;

pub use binary::binary;
