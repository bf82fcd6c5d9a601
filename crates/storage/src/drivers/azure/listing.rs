//! Listings of blobs, page by page, and the service's XML.

use super::client::{AzureClient, Request, quoted};
use super::failure::Failure;
use super::wire;
use crate::drivers::place::Place;
use crate::{ListedObject, ObjectPage, Operation, Result, StorageError, Timestamp};
use bytes::Bytes;
use hyper::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The longest page that the service gives, in blobs.
pub(super) const LONGEST_PAGE: usize = 5000;

/// A blob of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The name below the driver's prefix.
    pub(super) name: String,
    pub(super) length: u64,
    /// The entity tag, in the form that a condition takes.
    pub(super) tag: String,
    pub(super) modified: Timestamp,
}

/// Where a listing goes on.
#[derive(Clone, Debug, Default)]
pub(super) enum Start {
    #[default]
    Beginning,
    /// At a name below the driver's prefix, or at any before it: emulators take no notice.
    At(String),
    /// At the service's own mark.
    Mark(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    blobs: Blobs,
    #[serde(default)]
    next_marker: Option<String>,
}

#[derive(Default, Deserialize)]
struct Blobs {
    #[serde(default, rename = "Blob")]
    blobs: Vec<Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Blob {
    name: Name,
    properties: Properties,
}

#[derive(Deserialize)]
struct Name {
    /// Set where the name has characters that XML has not.
    #[serde(default, rename = "@Encoded")]
    encoded: bool,
    #[serde(default, rename = "$text")]
    text: String,
}

impl Name {
    fn decoded(self) -> String {
        if !self.encoded {
            return self.text;
        }
        let decoded = percent_decode_str(&self.text).decode_utf8_lossy();
        decoded.into_owned()
    }
}

#[derive(Deserialize)]
struct Properties {
    #[serde(default, rename = "Content-Length")]
    length: u64,
    #[serde(default, rename = "Etag")]
    tag: String,
    #[serde(default, rename = "Last-Modified")]
    modified: String,
}

/// Reads a page; also returns where the next begins.
fn read(page: &[u8]) -> std::result::Result<(Vec<Blob>, Option<String>), String> {
    let text = std::str::from_utf8(page).map_err(|error| error.to_string())?;
    let answer: Answer = quick_xml::de::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("the listing is not understood: {error}"))?;
    let next = answer.next_marker.filter(|marker| !marker.is_empty());
    Ok((answer.blobs.blobs, next))
}

impl AzureClient {
    /// Lists one page of the blobs whose names below the driver's prefix begin with `prefix`.
    pub(super) async fn list(
        &self,
        operation: Operation,
        prefix: &str,
        start: &Start,
        limit: usize,
    ) -> Result<(Vec<Listed>, Option<Start>)> {
        let request = Request::new(Method::GET, "")
            .query("restype", "container")
            .query("comp", "list")
            .query("prefix", self.name(prefix))
            .query("maxresults", limit.min(LONGEST_PAGE).to_string());
        let request = match start {
            Start::Beginning => request,
            Start::At(name) => request.query("startFrom", self.name(name)),
            Start::Mark(mark) => request.query("marker", mark.as_str()),
        };
        let send = async || {
            // A page is at most some megabytes: it is waited for as a record is.
            let fetch = self.fetch(&request);
            let fetched = tokio::time::timeout(self.settings.record_timeout, fetch).await;
            fetched.map_err(Failure::late)?
        };
        let page = self.retrying(operation, prefix, send).await;
        let page = page.map_err(|failure| failure.into_error(operation, prefix))?;
        let (blobs, next) = read(&page)
            .map_err(|reason| StorageError::new(crate::Kind::Corrupt, operation, prefix, reason))?;
        let listed = blobs.into_iter().filter_map(|blob| {
            let name = blob.name.decoded();
            Some(Listed {
                name: self.below_prefix(&name)?.to_owned(),
                length: blob.properties.length,
                tag: quoted(&blob.properties.tag),
                modified: wire::timestamp(&blob.properties.modified).unwrap_or_default(),
            })
        });
        Ok((listed.collect(), next.map(Start::Mark)))
    }

    /// Lists up to `limit` finished objects after `after`.
    pub(super) async fn list_objects(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> Result<ObjectPage> {
        let mut start = after.map_or(Start::Beginning, |place| Start::At(place.object()));
        let mut page = ObjectPage::default();
        // One more than asked for tells whether objects follow, and one may be that before them.
        let mut asked_for = limit + 2;
        loop {
            let (listed, next) = self
                .list(Operation::Objects, "data/", &start, asked_for)
                .await?;
            for blob in listed {
                let Some(place) = Place::of_object(&blob.name) else {
                    let name = blob.name;
                    tracing::debug!(name, "passed over a blob that the driver has not made");
                    continue;
                };
                // The page begins at the key, and where the store takes no notice of it, before.
                if after.is_some_and(|after| place <= after) {
                    continue;
                }
                if page.objects.len() == limit {
                    page.more = true;
                    return Ok(page);
                }
                page.objects.push(ListedObject {
                    key: place.key(),
                    length: blob.length,
                    modified: blob.modified,
                });
            }
            let Some(next) = next else {
                return Ok(page);
            };
            start = next;
            asked_for = LONGEST_PAGE;
        }
    }

    /// Sends a request once and reads its answer whole; one that is cut is as one that is late.
    pub(super) async fn fetch(&self, request: &Request) -> std::result::Result<Bytes, Failure> {
        let answer = self.send(request).await?;
        Ok(answer.into_body().bytes().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_names_that_xml_cannot_hold() {
        let page = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\
            <EnumerationResults ServiceEndpoint=\"http://x/\" ContainerName=\"c\"><Prefix>r</Prefix>\
            <MaxResults>2</MaxResults><Blobs><Blob><Name>r/a&amp;b!</Name><Properties>\
            <Creation-Time>Mon, 27 Feb 2023 10:00:00 GMT</Creation-Time>\
            <Last-Modified>Mon, 27 Feb 2023 10:00:01 GMT</Last-Modified><Etag>0x8DB</Etag>\
            <Content-Length>17</Content-Length></Properties><OrMetadata /></Blob>\
            <Blob><Name Encoded=\"true\">r/%EF%BF%BE</Name><Properties>\
            <Last-Modified>Mon, 27 Feb 2023 10:00:01 GMT</Last-Modified><Etag>\"0x8DC\"</Etag>\
            <Content-Length>5</Content-Length></Properties></Blob></Blobs>\
            <NextMarker>2!8</NextMarker></EnumerationResults>";
        let (blobs, next) = read(page.as_bytes()).unwrap();
        assert_eq!(next.as_deref(), Some("2!8"));
        let mut blobs = blobs.into_iter();
        let first = blobs.next().unwrap();
        assert_eq!(first.properties.length, 17);
        assert_eq!(quoted(&first.properties.tag), "\"0x8DB\"");
        assert_eq!(first.name.decoded(), "r/a&b!");
        let second = blobs.next().unwrap();
        assert_eq!(quoted(&second.properties.tag), "\"0x8DC\"");
        assert_eq!(second.name.decoded(), "r/\u{fffe}");
        assert!(blobs.next().is_none());
    }

    #[test]
    fn an_empty_page_is_the_last() {
        let page = "<?xml version=\"1.0\"?><EnumerationResults><Blobs /><NextMarker /></EnumerationResults>";
        let (blobs, next) = read(page.as_bytes()).unwrap();
        assert!(blobs.is_empty());
        assert_eq!(next, None);
        assert!(read(b"<html>").is_err());
    }
}
