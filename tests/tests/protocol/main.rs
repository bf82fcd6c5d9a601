//! The protocol over a real socket, as clients use it: every end-point of the OCI distribution
//! specification and of docker's catalog, with the headers that some client relies on.

mod admin;
mod answers;
mod blobs;
mod catalog;
mod collecting;
mod deleting;
mod http2;
mod lists;
mod manifests;
mod media_types;
mod mounts;
mod process;
mod ranges;
mod referrers;
mod restart;
mod tag_parameters;
mod uploads;
