//! Single requests on the blobs of one upload.

use super::client::{AzureClient, Request, entity_tag, text};
use super::failure::Failure;
use super::listing::{LONGEST_PAGE, Start};
use super::objects::put;
use super::state::Block;
use crate::drivers::conditional::Guard;
use crate::drivers::place::Place;
use crate::{Kind, Operation, Result, StorageError};
use bytes::Bytes;
use hyper::{HeaderMap, Method};
use serde::Deserialize;

/// The metadata that names whoever put a small object, so that it is known after a lost answer.
pub(super) const WRITER: &str = "x-ms-meta-writer";

/// Requests of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Requests<'a> {
    pub(super) client: &'a AzureClient,
    pub(super) operation: Operation,
    pub(super) place: Place,
}

/// What lies under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: u64,
    pub(super) tag: String,
    pub(super) writer: Option<String>,
}

/// The blocks of a blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BlockList {
    /// The entity tag, where a blob was committed.
    pub(super) tag: Option<String>,
    /// The ids of its blocks in order; none where it was put in one request.
    pub(super) committed: Vec<String>,
    /// Whether there are blocks that are in no list.
    pub(super) has_uncommitted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlockListBody {
    #[serde(default)]
    committed_blocks: Blocks,
    #[serde(default)]
    uncommitted_blocks: Blocks,
}

#[derive(Default, Deserialize)]
struct Blocks {
    #[serde(default, rename = "Block")]
    blocks: Vec<ListedBlock>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedBlock {
    name: String,
}

impl Requests<'_> {
    /// Returns the name of the upload's object in the container.
    pub(super) fn name(&self) -> String {
        self.client.name(&self.place.object())
    }

    pub(super) fn error(&self, failure: Failure) -> StorageError {
        failure.into_error(self.operation, self.place.key().as_str())
    }

    pub(super) fn failed(&self, kind: Kind, reason: &str) -> StorageError {
        let key = self.place.key();
        StorageError::new(kind, self.operation, key.as_str(), reason)
    }

    /// Sends a request with retries; returns the head of its answer.
    async fn ask(&self, request: &Request) -> std::result::Result<HeaderMap, Failure> {
        let key = self.place.key();
        let send = || self.client.send(request);
        let answer = self
            .client
            .retrying(self.operation, key.as_str(), send)
            .await?;
        Ok(answer.into_parts().0.headers)
    }

    async fn ask_whole(
        &self,
        request: &Request,
    ) -> std::result::Result<(HeaderMap, Bytes), Failure> {
        let key = self.place.key();
        let send = async || {
            let (head, body) = self.client.send(request).await?.into_parts();
            Ok((head.headers, body.bytes().await?))
        };
        self.client
            .retrying(self.operation, key.as_str(), send)
            .await
    }

    /// Sends a block. Sent twice it is the same block.
    pub(super) async fn put_block(&self, block: Block, bytes: Bytes) -> Result<()> {
        let request = Request::new(Method::PUT, self.name())
            .query("comp", "block")
            .query("blockid", block.id())
            .body(bytes);
        self.ask(&request)
            .await
            .map_err(|failure| self.error(failure))?;
        Ok(())
    }

    /// Puts a tail under a name that nobody else uses.
    pub(super) async fn put_tail(&self, name: &str, bytes: Bytes) -> Result<()> {
        let name = self.client.name(&self.place.tail(name));
        let request = put(&name, bytes, Guard::Nothing);
        self.ask(&request)
            .await
            .map_err(|failure| self.error(failure))?;
        Ok(())
    }

    /// Reads a blob of at most a block's length whole; `None` when it is not there.
    pub(super) async fn fetch(&self, name: &str) -> Result<Option<Bytes>> {
        match self.ask_whole(&Request::new(Method::GET, name)).await {
            Ok((_, bytes)) => Ok(Some(bytes)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Tells what lies under the upload's key.
    pub(super) async fn head(&self) -> Result<Option<Head>> {
        let headers = match self.ask(&Request::new(Method::HEAD, self.name())).await {
            Ok(headers) => headers,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(self.error(failure)),
        };
        let length = text(&headers, "content-length").and_then(|length| length.parse().ok());
        Ok(Some(Head {
            length: length.unwrap_or(0),
            tag: entity_tag(&headers).unwrap_or_default(),
            writer: text(&headers, WRITER).map(str::to_owned),
        }))
    }

    /// Tells of which blocks the upload's object is made, and whether others wait; `None` where
    /// there is neither an object nor a block.
    pub(super) async fn block_list(&self) -> Result<Option<BlockList>> {
        let request = Request::new(Method::GET, self.name())
            .query("comp", "blocklist")
            .query("blocklisttype", "all");
        let (headers, body) = match self.ask_whole(&request).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_not_found() => return Ok(None),
            Err(failure) => return Err(self.error(failure)),
        };
        let body = read(&body).map_err(|reason| self.failed(Kind::Corrupt, &reason))?;
        let committed = body.committed_blocks.blocks.into_iter();
        Ok(Some(BlockList {
            tag: entity_tag(&headers),
            committed: committed.map(|block| block.name).collect(),
            has_uncommitted: !body.uncommitted_blocks.blocks.is_empty(),
        }))
    }

    /// Deletes a blob; that it is not there is as good.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        match self.ask(&Request::new(Method::DELETE, name)).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() => Ok(()),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Makes the blocks vanish that are in no list, unless an object lies under the key: an empty
    /// list takes them with it. They would vanish after a week by themselves.
    pub(super) async fn discard_blocks(&self) -> Result<()> {
        let list = self.block_list().await?;
        if !list.is_some_and(|list| list.has_uncommitted) {
            return Ok(());
        }
        let name = self.name();
        let request = self.list(&[], &[]).header("if-none-match", "*");
        let headers = match self.ask(&request).await {
            Ok(headers) => headers,
            Err(failure) if failure.is_refused() => return self.delete_our_empty_blob().await,
            Err(failure) => return Err(self.error(failure)),
        };
        match entity_tag(&headers) {
            Some(tag) => self.delete_matching(&name, &tag).await,
            None => self.delete_our_empty_blob().await,
        }
    }

    /// A refusal may be the echo of a list whose answer was lost. What is empty and names no writer
    /// is ours: an upload without bytes names one.
    async fn delete_our_empty_blob(&self) -> Result<()> {
        let Some(head) = self.head().await? else {
            return Ok(());
        };
        if head.length > 0 || head.writer.is_some() {
            return Ok(());
        }
        self.delete_matching(&self.name(), &head.tag).await
    }

    async fn delete_matching(&self, name: &str, tag: &str) -> Result<()> {
        let request = Request::new(Method::DELETE, name).header("if-match", tag);
        match self.ask(&request).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_not_found() || failure.is_refused() => Ok(()),
            Err(failure) => Err(self.error(failure)),
        }
    }

    /// Returns the names in the container of all tails of the upload, whoever wrote them.
    pub(super) async fn tails(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut start = Start::Beginning;
        loop {
            let prefix = self.place.tails();
            let page = self
                .client
                .list(self.operation, &prefix, &start, LONGEST_PAGE);
            let (listed, next) = page.await?;
            names.extend(listed.iter().map(|tail| self.client.name(&tail.name)));
            let Some(next) = next else {
                return Ok(names);
            };
            start = next;
        }
    }
}

fn read(body: &[u8]) -> std::result::Result<BlockListBody, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    quick_xml::de::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("the list of blocks is not understood: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_blocks_is_read() {
        let body = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks>\
            <Block><Name>AAAA</Name><Size>5</Size></Block><Block><Name>AAAB</Name><Size>1</Size>\
            </Block></CommittedBlocks><UncommittedBlocks /></BlockList>";
        let list = read(body.as_bytes()).unwrap();
        let committed = list.committed_blocks.blocks.iter();
        let names: Vec<_> = committed.map(|block| block.name.as_str()).collect();
        assert_eq!(names, ["AAAA", "AAAB"]);
        assert!(list.uncommitted_blocks.blocks.is_empty());
    }
}
