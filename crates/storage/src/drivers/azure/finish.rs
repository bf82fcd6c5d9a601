//! The last step of an upload: it makes the object appear, whole, under its key.
//!
//! Only one writer's bytes may ever be there: the request carries `If-None-Match: *`, and after a
//! refusal or a lost answer the object itself is looked at. It counts as ours only if it is made of
//! exactly our blocks, whose ids nobody else uses, or if it names us as its writer; equal length
//! alone tells nothing, for two writers of one upload may have sent different bytes.

use super::client::{Request, entity_tag};
use super::failure::{Certainty, Failure};
use super::objects::put;
use super::requests::{Requests, WRITER};
use super::settings::AzureSettings;
use super::state::{Base, Block, DriverState};
use crate::drivers::conditional::Guard;
use crate::{Kind, Operation, Result, StorageError};
use bytes::Bytes;
use hyper::Method;
use std::fmt::Write;

/// Tells which operation it is when there is only one.
pub(super) const FINISH: Operation = Operation::Finish;

/// How to know an object as the one that an upload becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// It was put in one request by whoever has this name and writes exactly these bytes.
    Writer { name: String, length: u64 },
    /// It is made of these blocks.
    Blocks(Vec<Block>),
}

impl Identity {
    /// Knows the object that the kept bytes of an upload become if none are added; `None` where no
    /// byte was ever kept.
    pub(super) fn of_state(state: &DriverState) -> Option<Self> {
        let tail = state.tail.as_ref();
        if state.count() == 0 {
            let tail = tail?;
            return Some(Self::Writer {
                name: tail.name(),
                length: tail.length,
            });
        }
        let mut blocks = state.all_blocks();
        blocks.extend(
            tail.filter(|tail| tail.length > 0)
                .map(super::state::Tail::block),
        );
        Some(Self::Blocks(blocks))
    }
}

/// Writes the body of the request that makes a blob of blocks: those of a base are in a list
/// already, the others are not.
fn body(base: &[Block], blocks: &[Block]) -> Bytes {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for (kind, blocks) in [("Committed", base), ("Uncommitted", blocks)] {
        for block in blocks {
            // Writing into a string cannot fail.
            let _ = write!(xml, "<{kind}>{}</{kind}>", block.id());
        }
    }
    xml.push_str("</BlockList>");
    xml.into()
}

impl Requests<'_> {
    /// Tells the entity tag of the object if it is the one that is known by `identity`.
    pub(super) async fn finished_tag(&self, identity: &Identity) -> Result<Option<String>> {
        match identity {
            Identity::Writer { name, length } => {
                let head = self.head().await?;
                let own = head.filter(|head| {
                    head.length == *length && head.writer.as_deref() == Some(name.as_str())
                });
                Ok(own.map(|head| head.tag))
            }
            Identity::Blocks(blocks) => {
                let Some(list) = self.block_list().await? else {
                    return Ok(None);
                };
                let ids = blocks.iter().map(|block| block.id());
                Ok(list.tag.filter(|_| ids.eq(list.committed)))
            }
        }
    }

    /// Puts a small object in one request.
    pub(super) async fn put_object(&self, bytes: Bytes, writer: &str) -> Result<()> {
        let identity = Identity::Writer {
            name: writer.to_owned(),
            length: bytes.len() as u64,
        };
        let name = self.name();
        let request = put(&name, bytes.clone(), Guard::NoObject).header(WRITER, writer);
        let Err(refused) = self.finally(&request, &identity).await else {
            return Ok(());
        };
        if refused.kind() != Kind::NotFound || self.head().await?.is_some() {
            return Err(refused);
        }
        // Nothing is there but blocks of a writer that is gone, which some servers take for an
        // object here. A list may go over them everywhere.
        let mut blocks = Vec::new();
        if !bytes.is_empty() {
            let block = Block {
                writer: rand::random(),
                number: 0,
            };
            self.put_block(block, bytes).await?;
            blocks.push(block);
        }
        let request = self.list(&[], &blocks).header("if-none-match", "*");
        let request = request.header(WRITER, writer);
        self.finally(&request, &identity).await.map(|_| ())
    }

    /// Makes the request that puts a blob together.
    pub(super) fn list(&self, base: &[Block], blocks: &[Block]) -> Request {
        Request::new(Method::PUT, self.name())
            .query("comp", "blocklist")
            .header("x-ms-blob-content-type", "application/octet-stream")
            .body(body(base, blocks))
    }

    /// Makes the object of a state's blocks and of one that follows; returns its entity tag.
    pub(super) async fn commit(&self, state: &DriverState, last: Option<Block>) -> Result<String> {
        let mut blocks = state.blocks.clone();
        blocks.extend(last);
        let base = state.base.as_ref();
        let before = base.map_or(&[][..], |base| &base.blocks);
        let request = self.list(before, &blocks);
        let request = match base {
            None => request.header("if-none-match", "*"),
            Some(Base { tag, .. }) => request.header("if-match", tag.as_str()),
        };
        let identity = Identity::Blocks([before, &blocks].concat());
        self.finally(&request, &identity).await
    }

    /// Sends the request until it is certain that the object is there, or that it is another's.
    async fn finally(&self, request: &Request, identity: &Identity) -> Result<String> {
        // To put many blocks together takes a store long.
        let mut pauses = self.client.retries.start(AzureSettings::LONGEST_CALL);
        loop {
            let sent = tokio::time::timeout(pauses.left(), self.client.send(request)).await;
            let failure = match sent {
                Ok(Ok(answer)) => match entity_tag(answer.headers()) {
                    Some(tag) => return Ok(tag),
                    None => Failure::late("the answer has no entity tag"),
                },
                Ok(Err(failure)) => failure,
                Err(_) => Failure::late("the store did not put the object together in time"),
            };
            let is_open = failure.may_pass();
            let was_not_seen = is_open && failure.certainty() == Certainty::NotExecuted;
            if !was_not_seen && let Some(tag) = self.finished_tag(identity).await? {
                return Ok(tag);
            }
            let error = self.judge(failure);
            if !is_open || !pauses.pause(&error).await {
                return Err(error);
            }
        }
    }

    /// What cannot be finished any more is not there: another writer ended or finished it. Its
    /// client begins again.
    fn judge(&self, failure: Failure) -> StorageError {
        let is_lost = failure.is_refused()
            || failure.is_not_found()
            || matches!(failure.code.as_str(), "InvalidBlockList" | "InvalidBlockId");
        if !is_lost {
            return self.error(failure);
        }
        self.failed(Kind::NotFound, &failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::azure::state::Tail;

    #[test]
    fn a_state_is_known_by_its_blocks_or_by_its_tail_alone() {
        let mut state = DriverState::new(1024);
        assert_eq!(Identity::of_state(&state), None);
        let tail = Tail::fresh(1, 7);
        state.tail = Some(tail.clone());
        let by_writer = Identity::Writer {
            name: tail.name(),
            length: 7,
        };
        assert_eq!(Identity::of_state(&state), Some(by_writer));
        let block = Block {
            writer: 1,
            number: 0,
        };
        state.blocks = vec![block];
        let by_blocks = Identity::Blocks(vec![block, tail.block()]);
        assert_eq!(Identity::of_state(&state), Some(by_blocks));
        // An empty tail is no block.
        state.tail = Some(Tail::fresh(1, 0));
        assert_eq!(
            Identity::of_state(&state),
            Some(Identity::Blocks(vec![block]))
        );
    }

    #[test]
    fn the_list_names_committed_blocks_before_the_others() {
        let block = |number| Block { writer: 0, number };
        let xml = body(&[block(0)], &[block(1)]);
        let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>\
            <Committed>AAAAAAAAAAAAAAAA</Committed><Uncommitted>AAAAAAAAAAAAAAAB</Uncommitted>\
            </BlockList>";
        assert_eq!(xml, expected);
    }
}
