//! The harness the test layers share.
