//! The groups of rows, each with servers of its own and its own way to judge.

mod bearer;
mod beside;
mod herd;
mod idle;
mod s3;
mod scale;
mod slow;
mod tls;

use crate::arguments::Group;
use crate::rows;
use crate::session::{Section, Session};
use anyhow::Result;

/// Measures a group.
pub(crate) async fn run(session: &Session, group: Group) -> Result<Section> {
    match group {
        Group::Small => {
            let title = "Images of one layer of 1 MiB, 4 connections";
            beside::run(session, title, rows::small()).await
        }
        Group::Requests => {
            let title = "Requests without content, 4 connections";
            beside::run(session, title, rows::requests()).await
        }
        Group::Lists => {
            let title = "Tags and lists, 4 connections";
            beside::run(session, title, rows::tags()).await
        }
        Group::Large => {
            let title = "Layers of 256 MiB, 4 connections";
            beside::run(session, title, rows::layer()).await
        }
        Group::Many => {
            let title = "Images of 20 layers of 64 KiB, 4 connections";
            beside::run(session, title, rows::layers()).await
        }
        Group::Herd => herd::run(session).await,
        Group::Idle => idle::run(session).await,
        Group::Slow => slow::run(session).await,
        Group::Tls => tls::run(session).await,
        Group::S3 => s3::run(session).await,
        Group::Scale => scale::run(session).await,
        Group::Bearer => bearer::run(session).await,
    }
}
