//! What most tests begin with: something pushed.

use crate::content::{self, Manifest, random_bytes, sha256};
use crate::http::{Answer, Connection, Request};

/// An image that was pushed.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its configuration.
    pub config: Vec<u8>,
    /// Its only layer.
    pub layer: Vec<u8>,
    /// The manifest.
    pub manifest: Manifest,
}

impl Connection {
    /// Pushes a blob in one request and returns its digest.
    pub fn push_blob(&mut self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let target = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        self.send(&Request::post(target).body(bytes))
            .expect_status(201);
        digest
    }

    /// Begins an upload and returns its location.
    pub fn start_upload(&mut self, repository: &str) -> String {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let answer = self.send(&Request::post(target));
        answer.expect_status(202);
        answer.expect_header("location").to_owned()
    }

    /// Begins an upload, appends bytes and returns its location.
    pub fn start_upload_with(&mut self, repository: &str, bytes: &[u8]) -> String {
        let location = self.start_upload(repository);
        self.send(&Request::patch(&location).body(bytes))
            .expect_status(202);
        location
    }

    /// Asks an upload how far it has come: its `Range`.
    pub fn upload_range(&mut self, location: &str) -> String {
        let answer = self.get(location);
        answer.expect_status(204);
        answer.expect_header("range").to_owned()
    }

    /// Finishes an upload without further bytes.
    pub fn close_upload(&mut self, location: &str, digest: &str) -> Answer {
        self.send(&Request::put(format!("{location}?digest={digest}")))
    }

    /// Sends a manifest and returns what the server says.
    pub fn put_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Answer {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.send(
            &Request::put(target)
                .header("Content-Type", manifest.media_type)
                .body(&manifest.bytes),
        )
    }

    /// Pushes a manifest under a tag or its digest.
    pub fn push_manifest(&mut self, repository: &str, reference: &str, manifest: &Manifest) {
        self.put_manifest(repository, reference, manifest)
            .expect_status(201);
    }

    /// Pushes a small image with random content under a tag.
    pub fn push_image(&mut self, repository: &str, tag: &str) -> Image {
        let (config, layer) = (random_bytes(200), random_bytes(2000));
        self.push_blob(repository, &config);
        self.push_blob(repository, &layer);
        let manifest = content::image(&config, &[&layer]);
        self.push_manifest(repository, tag, &manifest);
        Image {
            config,
            layer,
            manifest,
        }
    }
}
