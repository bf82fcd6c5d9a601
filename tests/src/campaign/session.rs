//! An upload session as its client knows it, and what the servers must still know after a round.

use crate::campaign::connection::{Answer, Body, Connection};
use crate::campaign::content::{Blob, hashes_to};
use crate::campaign::shared::{Failures, Shared};
use crate::campaign::world::{Kind, Repository, Ticket};
use anyhow::Context;
use std::sync::Arc;

/// What the client was doing to a session when it last heard of it.
#[derive(Debug)]
pub(crate) enum Doing {
    /// Nothing: the last request was answered.
    Nothing,
    /// Sending bytes, of which the server may have kept some.
    Appending,
    /// Sending the last bytes, which count only all together.
    Closing,
    /// Giving it up.
    Cancelling,
}

/// An upload under way.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) repository: Repository,
    pub(crate) blob: Arc<Blob>,
    pub(crate) location: String,
    /// Bytes that the server answered to have.
    pub(crate) acknowledged: usize,
    /// Bytes that the server may have got.
    pub(crate) sent: usize,
    pub(crate) doing: Doing,
    /// A request of it went wrong. What that request brought may be kept later still, as long as
    /// its server lives, so from then on every chunk says where it belongs.
    pub(crate) is_uncertain: bool,
    /// A request that would have ended it went wrong, and may have ended it.
    pub(crate) was_closed: bool,
}

impl Session {
    /// Takes the session that a POST was answered with.
    pub(crate) fn opened(
        repository: Repository,
        blob: Arc<Blob>,
        answer: &Answer,
    ) -> anyhow::Result<Self> {
        let location = answer.header("location");
        let location = location.context("the session has no location")?.to_owned();
        Ok(Self {
            repository,
            blob,
            location,
            acknowledged: 0,
            sent: 0,
            doing: Doing::Nothing,
            is_uncertain: false,
            was_closed: false,
        })
    }

    /// Returns where the last bytes go.
    pub(crate) fn closing_path(&self) -> String {
        let joiner = if self.location.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{joiner}digest={}", self.location, self.blob.digest)
    }

    /// Returns the header that says where the last bytes belong; `None` when there are none.
    pub(crate) fn range_of(&self, rest: &[u8]) -> Option<String> {
        let offset = self.acknowledged;
        let last = (offset + rest.len())
            .checked_sub(1)
            .filter(|_| !rest.is_empty())?;
        Some(format!("content-range: {offset}-{last}\r\n"))
    }

    /// Tells whether the upload may have come so far.
    pub(crate) fn may_be_at(&self, offset: usize) -> bool {
        (self.acknowledged..=self.sent.max(self.acknowledged)).contains(&offset)
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "upload {} of {} bytes, {} acknowledged, {} sent, {:?}",
            self.location, self.blob.length, self.acknowledged, self.sent, self.doing
        )
    }
}

/// Returns how many bytes a `Range` of a session tells: `0-<last>`, `0--1` for none.
pub(crate) fn offset_of(answer: &Answer) -> Option<usize> {
    let last: i64 = answer.header("range")?.strip_prefix("0-")?.parse().ok()?;
    usize::try_from(last + 1).ok()
}

/// Looks after a restart at a session that was open at the kill. Half of them are gone on with to
/// their end, as is every one that was closing; the others are returned for the next round.
pub(crate) async fn check_session(
    shared: &Shared,
    connection: &mut Connection,
    mut session: Session,
    random: &mut fastrand::Rng,
) -> anyhow::Result<Option<Session>> {
    let answer = connection
        .send("GET", &session.location, "", Body::EMPTY)
        .await?;
    let offset = match answer.status {
        204 => offset_of(&answer),
        _ => None,
    };
    let is_true = match (&session.doing, offset) {
        (Doing::Appending, Some(offset)) => session.may_be_at(offset),
        (_, Some(offset)) if session.is_uncertain => session.may_be_at(offset),
        (_, Some(offset)) => offset == session.acknowledged,
        (Doing::Closing | Doing::Cancelling, None) => answer.status == 404,
        (_, None) if session.was_closed => answer.status == 404,
        (_, None) => false,
    };
    if !is_true {
        let found = offset.map_or_else(|| answer.summary(), |offset| format!("offset {offset}"));
        shared.find(format!("{}: {found}", session.describe()));
        return Ok(None);
    }
    if let Some(offset) = offset {
        session.acknowledged = offset;
        session.sent = offset;
    }
    match (&session.doing, offset) {
        (Doing::Nothing | Doing::Appending, Some(_)) => {
            session.doing = Doing::Nothing;
            if random.bool() {
                return Ok(Some(session));
            }
        }
        (Doing::Cancelling, _) => return Ok(None),
        _ => {}
    }
    finish(shared, connection, &session, random).await?;
    Ok(None)
}

/// Goes on with a session to its end and reads the blob.
async fn finish(
    shared: &Shared,
    connection: &mut Connection,
    session: &Session,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    let bytes = session.blob.bytes();
    let mut offset = session.acknowledged;
    // A closing request is repeated as it was: its answer may be all that was lost.
    if matches!(session.doing, Doing::Nothing) && offset < bytes.len() {
        let end = random.usize(offset + 1..=bytes.len());
        let range = format!("content-range: {offset}-{}\r\n", end - 1);
        let body = Body::Sized(&bytes[offset..end]);
        let answer = connection
            .send("PATCH", &session.location, &range, body)
            .await?;
        if session.was_closed && answer.status == 404 {
            return Ok(());
        }
        if answer.status != 202 {
            let problem = answer.summary();
            shared.find(format!("{}: going on: {problem}", session.describe()));
            return Ok(());
        }
        offset = end;
    }
    let (repository, blob) = (session.repository, &session.blob);
    let what = format!("after the restart: close of {}", session.location);
    let ticket: Ticket = shared
        .world()
        .begin_blob(Kind::PushBlob, repository, blob, &what);
    let body = Body::Sized(&bytes[offset..]);
    let answer = connection
        .send("PUT", &session.closing_path(), "", body)
        .await?;
    // It was cut while it was finished, which no store takes back, or that took too long: the client
    // begins again.
    let may_be_late = session.was_closed || shared.failures() == Failures::AreUnknown;
    if may_be_late && answer.status == 404 {
        return Ok(());
    }
    if answer.status != 201 {
        let problem = answer.summary();
        shared.find(format!("{}: closing: {problem}", session.describe()));
        return Ok(());
    }
    shared.world().acknowledge(&ticket);
    let name = shared.world().repositories[repository].name.clone();
    let path = format!("/v2/{name}/blobs/{}", blob.digest);
    let answer = connection.send("GET", &path, "", Body::EMPTY).await?;
    if answer.status != 200 || !hashes_to(&answer.body, &blob.digest) {
        let problem = format!("status {}, {} bytes", answer.status, answer.body.len());
        shared.find(format!("{}: the blob then: {problem}", session.describe()));
    }
    Ok(())
}
