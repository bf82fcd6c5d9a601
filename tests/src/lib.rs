//! Tests of the whole registry live in `tests/tests`.
