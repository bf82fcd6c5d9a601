//! How a client pushes blobs: in one request, in two, in chunks, in a stream, with pauses.

use super::Client;
use crate::campaign::connection::{Answer, Body};
use crate::campaign::content::Blob;
use crate::campaign::session::{Doing, Session, offset_of};
use crate::campaign::shared::Failures;
use crate::campaign::world::{Kind, Repository};
use std::sync::Arc;

/// Uploads that lie about at most; beyond it clients finish theirs.
const MOST_PARKED: usize = 24;
/// How often a client asks again before it leaves an upload to others.
const PATIENCE: usize = 4;

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
        let Some(answer) = self.ask("POST", &path, "", Body::EMPTY).await? else {
            return Ok(());
        };
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
        let Some(answer) = self.ask("POST", &path, "", body).await? else {
            return Ok(());
        };
        match answer.status {
            201 => self.shared.world().acknowledge(&ticket),
            404 if self.may_be_too_late() => {}
            _ => self.unexpected("POST", &path, &answer),
        }
        Ok(())
    }

    /// Goes on with its upload until that is finished, given up or left to others.
    pub(super) async fn go_on(&mut self) -> anyhow::Result<()> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let bytes = session.blob.bytes();
        let mut was_resumed = false;
        loop {
            let Some(session) = &self.session else {
                return Ok(());
            };
            let rest = &bytes[session.acknowledged..];
            if !matches!(session.doing, Doing::Nothing) {
                if was_resumed {
                    self.park();
                    return Ok(());
                }
                was_resumed = true;
                match session.doing {
                    Doing::Closing => self.close(rest).await?,
                    _ => self.look_again().await?,
                }
                continue;
            }
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
        let location = session.location.clone();
        let offset = session.acknowledged;
        let end = offset + chunk.len();
        let range = format!("content-range: {offset}-{}\r\n", end - 1);
        let (headers, body) = match self.random.u8(..3) {
            _ if session.is_uncertain => (range, Body::Sized(chunk)),
            0 => (range, Body::Sized(chunk)),
            1 => (String::new(), Body::Sized(chunk)),
            _ => (String::new(), Body::Chunked(chunk)),
        };
        session.doing = Doing::Appending;
        let answer = self.ask("PATCH", &location, &headers, body).await;
        let sent = self.connection.sent_bytes();
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        // Noted before anything else: the client may end here, and whoever goes on with the upload
        // must know what its server may have got. What an earlier request brought may be kept as
        // well, in place of this.
        let earlier = if session.is_uncertain {
            session.sent
        } else {
            0
        };
        session.sent = earlier.max(offset + sent);
        let Some(answer) = answer? else {
            session.is_uncertain = true;
            return self.look_again().await;
        };
        match answer.status {
            202 => {
                session.acknowledged = end;
                session.sent = end;
                session.doing = Doing::Nothing;
            }
            // What an earlier request brought was kept after we had asked.
            416 if session.is_uncertain => {
                session.sent = earlier;
                self.take_offset("PATCH", &answer);
            }
            404 if session.was_closed => self.session = None,
            _ => {
                self.unexpected("PATCH", &location, &answer);
                self.session = None;
            }
        }
        Ok(())
    }

    /// Asks how far an upload came that went wrong.
    async fn look_again(&mut self) -> anyhow::Result<()> {
        for _ in 0..PATIENCE {
            let Some(session) = &self.session else {
                return Ok(());
            };
            let location = session.location.clone();
            if let Some(answer) = self.ask("GET", &location, "", Body::EMPTY).await? {
                self.take_offset("GET", &answer);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the offset that an answer tells; one that cannot be is a finding.
    fn take_offset(&mut self, method: &str, answer: &Answer) {
        let Some(session) = &mut self.session else {
            return;
        };
        match offset_of(answer) {
            Some(offset) if session.may_be_at(offset) => {
                session.acknowledged = offset;
                session.doing = Doing::Nothing;
            }
            _ => {
                let what = session.describe();
                self.unexpected(method, &what, answer);
                self.session = None;
            }
        }
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
        for _ in 0..PATIENCE {
            let Some(session) = &self.session else {
                return Ok(());
            };
            let was_uncertain = session.is_uncertain;
            let headers = session.range_of(rest).filter(|_| was_uncertain);
            let body = if headers.is_none() && self.random.u8(..4) == 0 {
                Body::Chunked(rest)
            } else {
                Body::Sized(rest)
            };
            let headers = headers.unwrap_or_default();
            let Some(answer) = self.ask("PUT", &path, &headers, body).await? else {
                // The same again: its answer may be all that was lost.
                if let Some(session) = &mut self.session {
                    session.is_uncertain = true;
                    session.was_closed = true;
                }
                continue;
            };
            match answer.status {
                201 => self.shared.world().acknowledge(&ticket),
                // What an earlier request brought was kept after we had asked.
                416 if was_uncertain => {
                    self.take_offset("PUT", &answer);
                    return Ok(());
                }
                // It was cut while it was finished: the client begins again.
                404 if was_uncertain || self.may_be_too_late() => {}
                _ => self.unexpected("PUT", &path, &answer),
            }
            self.session = None;
            return Ok(());
        }
        Ok(())
    }

    /// Tells whether the store may have taken longer than the time within which an upload may become
    /// a blob. Then it is refused, and its client begins again.
    fn may_be_too_late(&self) -> bool {
        self.shared.failures() == Failures::AreUnknown
    }

    async fn cancel(&mut self) -> anyhow::Result<()> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.doing = Doing::Cancelling;
        let (location, was_uncertain) = (session.location.clone(), session.is_uncertain);
        let answer = self.ask("DELETE", &location, "", Body::EMPTY).await?;
        let Some(answer) = answer else {
            // Whether it is ended or not, nobody wants to go on with it.
            self.session = None;
            return Ok(());
        };
        let is_fine = answer.status == 204 || (was_uncertain && answer.status == 404);
        if !is_fine {
            self.unexpected("DELETE", &location, &answer);
        }
        self.session = None;
        Ok(())
    }
}
