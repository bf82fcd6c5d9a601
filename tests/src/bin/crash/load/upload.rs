//! How a client pushes blobs: in one request, in two, in chunks, in a stream, with pauses.

use super::Client;
use crate::connection::Body;
use crate::content::Blob;
use crate::session::{Doing, Session};
use crate::world::{Kind, Repository};
use std::sync::Arc;

/// Uploads that lie about at most; beyond it clients finish theirs.
const MOST_PARKED: usize = 24;

impl Client {
    pub(super) async fn push_new_blob(&mut self, repository: Repository) -> anyhow::Result<()> {
        let blob = Arc::new(Blob::draw(&mut self.random));
        self.push_blob(repository, &blob).await
    }

    pub(super) async fn push_blob_again(&mut self, repository: Repository) -> anyhow::Result<()> {
        match self.draw_blob(repository) {
            Some(blob) => self.push_blob(repository, &blob).await,
            None => Ok(()),
        }
    }

    /// Pushes a blob. It may stop half-way and leave the upload to others.
    pub(super) async fn push_blob(
        &mut self,
        repository: Repository,
        blob: &Arc<Blob>,
    ) -> anyhow::Result<()> {
        let uploads = format!("{}/blobs/uploads/", self.path(repository));
        if self.random.u8(..3) == 0 {
            return self.push_whole(repository, blob, &uploads).await;
        }
        let knows_algorithm = blob.digest.starts_with("sha512:") && self.random.bool();
        let query = if knows_algorithm {
            "?digest-algorithm=sha512"
        } else {
            ""
        };
        let path = format!("{uploads}{query}");
        let answer = self.connection.send("POST", &path, "", Body::EMPTY).await?;
        if answer.status != 202 {
            self.unexpected("POST", &path, &answer);
            return Ok(());
        }
        self.session = Some(Session::opened(repository, Arc::clone(blob), &answer)?);
        self.go_on().await
    }

    async fn push_whole(
        &mut self,
        repository: Repository,
        blob: &Arc<Blob>,
        uploads: &str,
    ) -> anyhow::Result<()> {
        // Without a body this would begin a session.
        if blob.length == 0 {
            return Ok(());
        }
        let bytes = blob.bytes();
        let path = format!("{uploads}?digest={}", blob.digest);
        let what = self.what(&format!("POST {path}"));
        let ticket = self
            .shared
            .world()
            .begin_blob(Kind::PushBlob, repository, blob, &what);
        let body = if self.random.bool() {
            Body::Sized(&bytes)
        } else {
            Body::Chunked(&bytes)
        };
        let answer = self.connection.send("POST", &path, "", body).await?;
        if answer.status == 201 {
            self.shared.world().acknowledge(&ticket);
        } else {
            self.unexpected("POST", &path, &answer);
        }
        Ok(())
    }

    /// Goes on with its upload until that is finished, given up or left to others.
    pub(super) async fn go_on(&mut self) -> anyhow::Result<()> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let bytes = session.blob.bytes();
        loop {
            let Some(session) = &self.session else {
                return Ok(());
            };
            let rest = &bytes[session.acknowledged..];
            match self.random.u8(..40) {
                0..3 if self.shared.world().sessions.len() < MOST_PARKED => self.park(),
                3 => self.cancel().await?,
                4..20 => self.close(rest).await?,
                _ if rest.is_empty() => self.close(rest).await?,
                _ => {
                    let length = self.random.usize(1..=rest.len());
                    self.append(&rest[..length]).await?;
                }
            }
        }
    }

    async fn append(&mut self, chunk: &[u8]) -> anyhow::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let offset = session.acknowledged;
        let end = offset + chunk.len();
        let (headers, body) = match self.random.u8(..3) {
            0 => (
                format!("content-range: {offset}-{}\r\n", end - 1),
                Body::Sized(chunk),
            ),
            1 => (String::new(), Body::Sized(chunk)),
            _ => (String::new(), Body::Chunked(chunk)),
        };
        session.doing = Doing::Appending;
        let answer = self
            .connection
            .send("PATCH", &session.location, &headers, body);
        let answer = answer.await;
        session.sent = offset + self.connection.sent_bytes();
        let answer = answer?;
        if answer.status != 202 {
            let location = session.location.clone();
            self.unexpected("PATCH", &location, &answer);
            self.session = None;
            return Ok(());
        }
        session.acknowledged = end;
        session.doing = Doing::Nothing;
        Ok(())
    }

    async fn close(&mut self, rest: &[u8]) -> anyhow::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.doing = Doing::Closing;
        let path = session.closing_path();
        let (repository, blob) = (session.repository, Arc::clone(&session.blob));
        let what = self.what(&format!("PUT {path}"));
        let ticket = self
            .shared
            .world()
            .begin_blob(Kind::PushBlob, repository, &blob, &what);
        let body = if self.random.u8(..4) == 0 {
            Body::Chunked(rest)
        } else {
            Body::Sized(rest)
        };
        let answer = self.connection.send("PUT", &path, "", body).await?;
        if answer.status == 201 {
            self.shared.world().acknowledge(&ticket);
        } else {
            self.unexpected("PUT", &path, &answer);
        }
        self.session = None;
        Ok(())
    }

    async fn cancel(&mut self) -> anyhow::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.doing = Doing::Cancelling;
        let location = session.location.clone();
        let answer = self.connection.send("DELETE", &location, "", Body::EMPTY);
        let answer = answer.await?;
        if answer.status != 204 {
            self.unexpected("DELETE", &location, &answer);
        }
        self.session = None;
        Ok(())
    }
}
