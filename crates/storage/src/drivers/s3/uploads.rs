//! Unfinished uploads: their end, and the list of the old ones.

use super::client::S3Client;
use super::objects::timestamp;
use super::requests::Requests;
use crate::drivers::place::Place;
use crate::{Operation, Result, Timestamp};
use futures::future::try_join_all;
use std::collections::BTreeMap;

/// Ends an upload: its multipart uploads and its tails, whoever made them.
pub(super) async fn abort(requests: Requests<'_>) -> Result<()> {
    let (open, tails) = futures::try_join!(requests.open_uploads(), requests.tails())?;
    for name in &tails {
        requests.client.tails.forget(name);
    }
    // The tails go first: without them no writer can go on, even if the rest fails.
    try_join_all(tails.iter().map(|name| requests.delete(name))).await?;
    try_join_all(open.iter().map(|id| requests.abort(id))).await?;
    Ok(())
}

/// An open multipart upload.
struct Open {
    place: Place,
    id: String,
    initiated: Timestamp,
}

/// Returns uploads that were last written before `older_than`. Servers that do not list multipart
/// uploads by prefix (MinIO) show those that have a tail; they end the others by themselves.
pub(super) async fn older_than(
    client: &S3Client,
    older_than: Timestamp,
    limit: usize,
) -> Result<Vec<Place>> {
    let mut last_written: BTreeMap<Place, Timestamp> = BTreeMap::new();
    let mut note = |place: Place, written: Timestamp| {
        let last = last_written.entry(place).or_insert(written);
        *last = written.max(*last);
    };
    for (place, written) in tails(client).await? {
        note(place, written);
    }
    for open in open_uploads(client).await? {
        // It may have been written to long after it was begun.
        let written = if open.initiated < older_than {
            last_part(client, &open).await?
        } else {
            None
        };
        note(
            open.place,
            written.unwrap_or(open.initiated).max(open.initiated),
        );
    }
    let old = last_written
        .into_iter()
        .filter(|(_, written)| *written < older_than);
    Ok(old.map(|(place, _)| place).take(limit).collect())
}

async fn tails(client: &S3Client) -> Result<Vec<(Place, Timestamp)>> {
    let mut tails = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let request = client
            .sdk
            .list_objects_v2()
            .bucket(&client.settings.bucket)
            .prefix(client.name("tails/"))
            .set_continuation_token(token);
        let page = client
            .retrying(Operation::Uploads, "", || request.clone().send())
            .await;
        let page = page.map_err(|failure| failure.into_error(Operation::Uploads, ""))?;
        for object in page.contents.unwrap_or_default() {
            let name = object
                .key
                .as_deref()
                .and_then(|name| client.below_prefix(name));
            if let (Some(place), Some(date)) = (name.and_then(Place::of_tail), object.last_modified)
            {
                tails.push((place, timestamp(&date)));
            }
        }
        token = page
            .next_continuation_token
            .filter(|_| page.is_truncated == Some(true));
        if token.is_none() {
            return Ok(tails);
        }
    }
}

async fn open_uploads(client: &S3Client) -> Result<Vec<Open>> {
    let mut open = Vec::new();
    let mut markers: (Option<String>, Option<String>) = (None, None);
    loop {
        let request = client
            .sdk
            .list_multipart_uploads()
            .bucket(&client.settings.bucket)
            .prefix(client.name("data/"))
            .set_key_marker(markers.0)
            .set_upload_id_marker(markers.1);
        let page = client
            .retrying(Operation::Uploads, "", || request.clone().send())
            .await;
        let page = page.map_err(|failure| failure.into_error(Operation::Uploads, ""))?;
        for upload in page.uploads.unwrap_or_default() {
            let name = upload
                .key
                .as_deref()
                .and_then(|name| client.below_prefix(name));
            if let (Some(place), Some(id), Some(date)) = (
                name.and_then(Place::of_object),
                upload.upload_id,
                upload.initiated,
            ) {
                open.push(Open {
                    place,
                    id,
                    initiated: timestamp(&date),
                });
            }
        }
        markers = (page.next_key_marker, page.next_upload_id_marker);
        if page.is_truncated != Some(true) || markers.0.is_none() {
            return Ok(open);
        }
    }
}

/// Returns when the newest part of an upload was sent.
async fn last_part(client: &S3Client, open: &Open) -> Result<Option<Timestamp>> {
    let name = client.name(&open.place.object());
    let mut last = None;
    let mut marker: Option<String> = None;
    loop {
        let request = client
            .sdk
            .list_parts()
            .bucket(&client.settings.bucket)
            .key(&name)
            .upload_id(&open.id)
            .set_part_number_marker(marker);
        let page = match client
            .retrying(Operation::Uploads, "", || request.clone().send())
            .await
        {
            Ok(page) => page,
            // It was finished or ended since it was listed.
            Err(failure) if failure.is_not_found() => return Ok(last),
            Err(failure) => {
                return Err(failure.into_error(Operation::Uploads, open.place.key().as_str()));
            }
        };
        for part in page.parts.unwrap_or_default() {
            last = last.max(part.last_modified.as_ref().map(timestamp));
        }
        marker = page
            .next_part_number_marker
            .filter(|_| page.is_truncated == Some(true));
        if marker.is_none() {
            return Ok(last);
        }
    }
}
