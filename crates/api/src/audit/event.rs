//! What one event tells, and how it is written.

use super::Whence;
use serde::Serialize;
use std::net::IpAddr;

/// The event of a change among users, robots, tokens, keys or rules.
pub(crate) const IDENTITY_CHANGE: &str = "identity.change";

/// One event: what happened, who did it, to what, from where. Written as one JSON object; what does
/// not apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// When it was told.
    pub(super) time: String,
    /// What happened, such as `manifest.push`.
    pub(super) event: &'static str,
    /// `done`, `refused`, or `unknown` when the client left or the storage failed in between.
    pub(super) outcome: &'static str,
    /// Who, as records and rules name them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<IpAddr>,
    /// The id that the answer and the access log have, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
    /// What was asked for and not allowed, such as `repository:team-a/app:push`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) needed: Option<String>,
    /// Why a login failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    /// What administration changed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<String>,
}

/// Which content administration changed.
#[derive(Clone, Debug)]
pub(crate) struct ContentChange {
    pub(crate) repository: String,
    pub(crate) digest: String,
    pub(crate) tag: Option<String>,
}

impl AuditEvent {
    /// Makes an event of a change among users, robots, tokens, keys or rules.
    ///
    /// `by` is who asked for it; `change` says what was done, without a secret.
    #[must_use]
    pub fn change(by: &str, change: String) -> Self {
        Self::told(IDENTITY_CHANGE, by, change)
    }

    /// Makes an event of something else that an administrator did, in words.
    #[must_use]
    pub(crate) fn told(event: &'static str, by: &str, change: String) -> Self {
        Self {
            event,
            outcome: "done",
            by: Some(by.to_owned()),
            change: Some(change),
            ..Self::default()
        }
    }

    /// Says that it is about content, and what of it.
    #[must_use]
    pub(crate) fn about(self, content: ContentChange) -> Self {
        Self {
            repository: Some(content.repository),
            digest: Some(content.digest),
            tag: content.tag,
            ..self
        }
    }

    /// Adds where the request came from that asked for it.
    #[must_use]
    pub fn from(self, whence: &Whence) -> Self {
        Self {
            client: whence.client,
            request_id: whence.request_id.clone(),
            ..self
        }
    }

    /// Writes it as one line of JSON, the newline included.
    ///
    /// # Panics
    /// Never: texts alone can always be written.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("an event is texts alone");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = AuditEvent::change("ops", "a\n\"b\"".to_owned());
        let line = String::from_utf8(event.line()).unwrap();
        assert_eq!(
            line,
            "{\"time\":\"\",\"event\":\"identity.change\",\"outcome\":\"done\",\"by\":\"ops\",\
             \"change\":\"a\\n\\\"b\\\"\"}\n"
        );
    }
}
