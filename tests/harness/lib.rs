//! The harness the test layers share.

mod binary;

pub use binary::binary;
