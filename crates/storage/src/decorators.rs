//! Stores around stores: what is measured, counted or made to fail without a driver knowing of it, and
//! what makes a store without conditions safe for one server.

pub mod count;
pub mod fault;
pub mod metrics;
pub mod single_writer;
