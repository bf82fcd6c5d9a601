//! A registry with users over a real socket: logging in, what each may, and what others are told.
//! The known hostile cases are named `case_<number>_<sentence>`; `bad_input` counts them with its own.

mod admin_api;
mod admin_document;
mod admin_refusals;
mod administration;
mod audit;
mod backups;
mod credentials;
mod first_run;
mod fixture;
mod forge;
mod forged;
mod hostile;
mod identities;
mod metrics;
mod neighbours;
mod paths;
mod remote;
mod restoring;
mod reveal;
mod rules;
mod timing;
mod tls_front;
