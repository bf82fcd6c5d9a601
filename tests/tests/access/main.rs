//! A registry with users over a real socket: logging in, what each may, and what others are told.

mod administration;
mod audit;
mod first_run;
mod fixture;
mod hostile;
mod identities;
mod metrics;
mod rules;
