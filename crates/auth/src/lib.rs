//! Who are you, and may you: callers, what they ask for, and the policy that decides.
//!
//! Nothing here knows HTTP. The API asks a policy once per request and answers what it decided.

mod access;
mod caller;
mod policy;

pub use access::{AccessRequest, Action};
pub use caller::{Caller, Identity};
pub use policy::{AccessPolicy, Decision, EveryoneMay};
