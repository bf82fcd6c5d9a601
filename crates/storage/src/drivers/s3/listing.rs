//! The finished objects in the bucket.
//!
//! Tails of uploads lie beside them, under a prefix of their own, and parts are in no listing of
//! objects: what is found under `data/` is an object that can be read. Among them is what an upload
//! had to be put together to when its bytes were read back.

use super::client::S3Client;
use super::failure::Failure;
use super::objects::timestamp;
use crate::drivers::place::Place;
use crate::{ListedObject, ObjectPage, Operation, Result};

/// The longest page that S3 gives, in keys.
const LONGEST_PAGE: usize = 1000;

/// Lists up to `limit` objects after `start`.
pub(super) async fn page(
    client: &S3Client,
    start: Option<Place>,
    limit: usize,
) -> Result<ObjectPage> {
    let mut page = ObjectPage::default();
    let mut token: Option<String> = None;
    loop {
        // One more than is missing tells whether objects follow.
        let wanted = (limit + 1 - page.objects.len()).min(LONGEST_PAGE);
        let request = client
            .sdk
            .list_objects_v2()
            .bucket(&client.settings.bucket)
            .prefix(client.name("data/"))
            .max_keys(i32::try_from(wanted).unwrap_or(i32::MAX))
            .set_start_after(
                start
                    .filter(|_| token.is_none())
                    .map(|place| client.name(&place.object())),
            )
            .set_continuation_token(token);
        let send = || {
            let request = request.clone();
            async move {
                let sent =
                    tokio::time::timeout(client.settings.record_timeout, request.send()).await;
                sent.map_err(Failure::late)?.map_err(Failure::from)
            }
        };
        let listed = client.retrying(Operation::Objects, "", send).await;
        let listed = listed.map_err(|failure| failure.into_error(Operation::Objects, ""))?;
        for object in listed.contents.unwrap_or_default() {
            let name = object.key.as_deref();
            let name = name.and_then(|name| client.below_prefix(name));
            let Some(place) = name.and_then(Place::of_object) else {
                tracing::debug!(name, "passed over an object that the driver has not made");
                continue;
            };
            if page.objects.len() == limit {
                page.more = true;
                return Ok(page);
            }
            let modified = object.last_modified.as_ref().map(timestamp);
            page.objects.push(ListedObject {
                key: place.key(),
                length: object
                    .size
                    .and_then(|size| size.try_into().ok())
                    .unwrap_or(0),
                modified: modified.unwrap_or_default(),
            });
        }
        token = listed
            .next_continuation_token
            .filter(|_| listed.is_truncated == Some(true));
        if token.is_none() {
            return Ok(page);
        }
    }
}
