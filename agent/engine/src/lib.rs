//! decide(&World, now) -> Decision: target, render, gate and plan in one place.
