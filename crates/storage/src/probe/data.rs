//! Trials of the data.

use super::capabilities::{Ability, Capabilities, Judged, judged};
use crate::{DataKey, DataStore, Kind, Result, UploadHint};
use bytes::Bytes;
use futures::TryStreamExt;
use std::ops::Range;

const LENGTH: usize = 100_000;

pub(super) async fn probe(found: &mut Capabilities, data: &dyn DataStore) {
    let bytes = Bytes::from((0_u8..=250).cycle().take(LENGTH).collect::<Vec<u8>>());
    let key = match store(data, &bytes).await {
        Ok(key) => key,
        Err(error) => {
            found.add(Ability::Data, "write a data object", judged(Err(error)));
            return;
        }
    };
    let written = format!("{LENGTH} bytes under the key {}", key.as_str());
    found.add(Ability::Data, "write a data object", Judged::held(written));
    let whole = judged(compare(data, &key, &bytes, 0..LENGTH).await);
    found.add(Ability::Data, "read the data object back", whole);
    let part = judged(compare(data, &key, &bytes, 777..LENGTH - 333).await);
    found.add(Ability::Data, "read a part of it", part);
    found.add(
        Ability::Data,
        "delete the data object",
        judged(delete(data, &key).await),
    );
}

async fn store(data: &dyn DataStore, bytes: &Bytes) -> Result<DataKey> {
    let mut upload = data
        .begin(UploadHint {
            length: Some(bytes.len() as u64),
        })
        .await?;
    data.reserve(&mut upload);
    data.append(&mut upload, bytes.slice(..LENGTH / 3)).await?;
    data.append(&mut upload, bytes.slice(LENGTH / 3..)).await?;
    Ok(data.finish(upload).await?.key)
}

async fn read(data: &dyn DataStore, key: &DataKey, range: Range<usize>) -> Result<Vec<Bytes>> {
    let stream = data.read(key, range.start as u64..range.end as u64).await?;
    stream.try_collect().await
}

async fn compare(
    data: &dyn DataStore,
    key: &DataKey,
    bytes: &Bytes,
    range: Range<usize>,
) -> Result<Judged> {
    let pieces = read(data, key, range.clone()).await?;
    let length = range.len();
    Ok(if pieces.concat() == bytes[range] {
        Judged::held(format!("the same {length} bytes"))
    } else {
        Judged::broken("other bytes")
    })
}

async fn delete(data: &dyn DataStore, key: &DataKey) -> Result<Judged> {
    data.delete(key).await?;
    match read(data, key, 0..1).await {
        Err(error) if error.kind() == Kind::NotFound => Ok(Judged::held("it is gone")),
        Err(error) => Err(error),
        Ok(_) => Ok(Judged::broken("it is still there")),
    }
}
