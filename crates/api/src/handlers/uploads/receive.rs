//! From the connection into the registry, piece by piece.

use crate::body::RequestBody;
use crate::call::Call;
use crate::error::ApiError;
use roadstead_registry::UploadWriter;

/// Writes the body to its end and gives the writer back, not yet ended.
///
/// Of a body that breaks off, what came is kept where that is right. One that is not `expected`
/// bytes long leaves the upload as it was before.
pub(super) async fn receive(
    call: &Call<'_>,
    mut writer: UploadWriter,
    body: &mut RequestBody,
    expected: Option<u64>,
) -> Result<UploadWriter, ApiError> {
    let _receiving = call.state.metrics.receiving();
    loop {
        let bytes = match body.next().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break,
            Err(error) => {
                writer.interrupt().await;
                return Err(error.into());
            }
        };
        let actual = writer.written() + bytes.len() as u64;
        if let Some(expected) = expected.filter(|&expected| actual > expected) {
            writer.roll_back()?;
            return Err(ApiError::ChunkSize { expected, actual });
        }
        writer.write(bytes).await?;
    }
    let actual = writer.written();
    if let Some(expected) = expected.filter(|&expected| actual != expected) {
        writer.roll_back()?;
        return Err(ApiError::ChunkSize { expected, actual });
    }
    Ok(writer)
}
