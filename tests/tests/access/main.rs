//! A registry with users over a real socket: logging in, what each may, and what others are told.
//! The known hostile cases are named `case_<number>_<sentence>`; `bad_input` counts them with its own.

mod administration;
mod credentials;
mod audit;
mod first_run;
mod fixture;
mod forge;
mod forged;
mod hostile;
mod identities;
mod neighbours;
mod paths;
mod reveal;
mod metrics;
mod rules;
mod timing;
