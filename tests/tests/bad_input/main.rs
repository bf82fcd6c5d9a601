//! Bad input over a real socket: 110 cases are known. Those about credentials have their tests in
//! `access`, each other one here, named `case_<number>_<sentence>`. `coverage` counts them.

mod coverage;
mod damage;
mod digests;
mod headers;
mod lists;
mod manifest_documents;
mod manifest_references;
mod manifest_sizes;
mod mounts;
mod names;
mod ranges;
mod refusal;
mod slow_clients;
mod streams;
mod tags;
mod transport;
mod upload_chunks;
mod upload_content;
mod upload_sessions;
