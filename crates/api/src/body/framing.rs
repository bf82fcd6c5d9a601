//! Notices a chunked body that is mostly framing: chunk extensions of any length cost the client
//! nothing to send, and actix reads over them without a limit.

use crate::connection::Shared;
use std::rc::Rc;

/// Bytes that may come beside the content, whatever there is of it: what actix reads ahead, and
/// sensible extensions.
const ALLOWANCE_BYTES: u64 = 256 * 1024;
/// Bytes that may come for each byte of content. Chunks of one byte take six.
const ALLOWANCE_FACTOR: u64 = 8;

/// Watches one body.
pub(super) struct Framing {
    connection: Option<(Rc<Shared>, u64)>,
}

impl Framing {
    /// Watches nothing: a body that names its length has no framing.
    pub(super) const fn unwatched() -> Self {
        Self { connection: None }
    }

    /// Watches a chunked body that begins now.
    pub(super) fn chunked(connection: Option<&Rc<Shared>>) -> Self {
        let connection = connection.map(|shared| (Rc::clone(shared), shared.received()));
        Self { connection }
    }

    /// Tells whether far more came over the connection than `content_bytes` explain.
    pub(super) fn is_excessive(&self, content_bytes: u64) -> bool {
        let Some((shared, start)) = &self.connection else {
            return false;
        };
        let allowed = content_bytes
            .saturating_mul(ALLOWANCE_FACTOR)
            .saturating_add(ALLOWANCE_BYTES);
        shared.received() - start > allowed
    }
}
