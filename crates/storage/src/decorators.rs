//! Stores around stores: what is measured, counted or made to fail without a driver knowing of it.

pub mod count;
pub mod fault;
pub mod metrics;
