//! Example configurations live in `examples/config`.
