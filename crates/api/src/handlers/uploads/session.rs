//! `/v2/<name>/blobs/uploads/<id>`: going on with an upload, finishing it, asking after it.

use super::receive::receive;
use super::{digest_parameter, refuse_encoding};
use crate::body::RequestBody;
use crate::call::Call;
use crate::error::{ApiError, ChunkError, DigestParameterError};
use crate::respond::{self, EmptyRange, Reply};
use actix_web::http::StatusCode;
use actix_web::http::header;
use roadstead_oci::{ContentRange, ContentRangeError, RepositoryName};
use roadstead_registry::{Closing, RegistryError, UploadId};

/// The upload session that a request is about. It may not exist.
pub(crate) struct Target<'a> {
    call: &'a Call<'a>,
    name: RepositoryName,
    id: UploadId,
}

impl<'a> Target<'a> {
    /// Reads the id of the path.
    pub(crate) fn find(
        call: &'a Call<'a>,
        name: RepositoryName,
        id: &str,
    ) -> Result<Self, ApiError> {
        let id = UploadId::parse(id).ok_or(RegistryError::UploadUnknown)?;
        Ok(Self { call, name, id })
    }

    /// Answers `PATCH`.
    pub(crate) async fn append(self, body: &mut RequestBody) -> Result<Reply, ApiError> {
        refuse_encoding(self.call.headers())?;
        let chunk = self.chunk(body).await?;
        let offset = self
            .append_chunk(chunk, body)
            .await
            .map_err(|error| self.place(error))?;
        Ok(self.reply(StatusCode::ACCEPTED, offset, EmptyRange::Zero))
    }

    /// Answers `PUT`, which may bring the whole blob, its last bytes or none.
    pub(crate) async fn close(self, body: &mut RequestBody) -> Result<Reply, ApiError> {
        let digest =
            digest_parameter(self.call.query(), "digest")?.ok_or(ApiError::DigestParameter {
                name: "digest",
                problem: DigestParameterError::Missing,
            })?;
        refuse_encoding(self.call.headers())?;
        let chunk = self.chunk(body).await?;
        let start = chunk.map(ContentRange::start);
        let registry = &self.call.state.registry;
        let closing = registry
            .upload_close(
                &self.name,
                &self.call.by(),
                self.id,
                &digest,
                start,
                body.length(),
            )
            .await
            .map_err(|error| self.place(error.into()))?;
        if let Closing::Writer(writer) = closing {
            let received = receive(self.call, writer, body, chunk.map(ContentRange::len)).await;
            let writer = received.map_err(|error| self.place(error))?;
            writer
                .commit()
                .await
                .map_err(|error| self.place(error.into()))?;
        }
        Ok(respond::blob_created(&self.name, &digest))
    }

    /// Answers `GET`. A stray `digest` is not looked at.
    pub(crate) async fn status(self) -> Result<Reply, ApiError> {
        let offset = self.offset().await?;
        Ok(self.reply(StatusCode::NO_CONTENT, offset, EmptyRange::MinusOne))
    }

    /// Answers `DELETE`.
    pub(crate) async fn cancel(self) -> Result<Reply, ApiError> {
        self.call
            .state
            .registry
            .upload_cancel(&self.name, &self.call.by(), self.id)
            .await?;
        Ok(respond::empty(StatusCode::NO_CONTENT))
    }

    async fn append_chunk(
        &self,
        chunk: Option<ContentRange>,
        body: &mut RequestBody,
    ) -> Result<u64, ApiError> {
        let registry = &self.call.state.registry;
        let start = chunk.map(ContentRange::start);
        let writer = registry
            .upload_append(&self.name, &self.call.by(), self.id, start, body.length())
            .await?;
        let writer = receive(self.call, writer, body, chunk.map(ContentRange::len)).await?;
        Ok(writer.suspend().await?)
    }

    /// Reads `Content-Range` and holds it against `Content-Length`, before the body is touched.
    async fn chunk(&self, body: &RequestBody) -> Result<Option<ContentRange>, ApiError> {
        let Some(value) = self.call.headers().get(header::CONTENT_RANGE) else {
            return Ok(None);
        };
        let parsed = value
            .to_str()
            .map_err(|_| ContentRangeError::Malformed)
            .and_then(ContentRange::parse);
        match parsed {
            Ok(chunk) => match body.length().filter(|&length| length != chunk.len()) {
                None => Ok(Some(chunk)),
                Some(actual) => {
                    // An unknown upload is the greater mistake.
                    self.offset().await?;
                    Err(ApiError::ChunkSize {
                        expected: chunk.len(),
                        actual,
                    })
                }
            },
            Err(problem) => {
                let offset = self.offset().await?;
                Err(self.out_of_place(problem.into(), offset))
            }
        }
    }

    async fn offset(&self) -> Result<u64, ApiError> {
        Ok(self
            .call
            .state
            .registry
            .upload_status(&self.name, &self.call.by(), self.id)
            .await?)
    }

    /// Tells where the upload is when a chunk was not its next one.
    fn place(&self, error: ApiError) -> ApiError {
        match error {
            ApiError::Registry(RegistryError::UploadOutOfOrder { offset }) => {
                self.out_of_place(ChunkError::OutOfOrder, offset)
            }
            other => other,
        }
    }

    fn out_of_place(&self, problem: ChunkError, offset: u64) -> ApiError {
        ApiError::Chunk {
            problem,
            name: self.name.clone(),
            id: self.id,
            offset,
        }
    }

    fn reply(&self, status: StatusCode, offset: u64, empty: EmptyRange) -> Reply {
        let mut reply = respond::empty(status);
        respond::insert_upload_state(reply.headers_mut(), &self.name, self.id, offset, empty);
        reply
    }
}
