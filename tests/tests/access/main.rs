//! A registry with users over a real socket: logging in, what each may, and what others are told.

mod admin_api;
mod admin_document;
mod admin_refusals;
mod administration;
mod fixture;
mod hostile;
mod identities;
mod remote;
mod rules;
mod tls_front;
