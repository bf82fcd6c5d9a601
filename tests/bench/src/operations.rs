//! What clients do: push and pull blobs and images, ask for pages of lists. Every answer is checked.

use crate::client::{Answer, Body, Client, Request};
use crate::content::{Blob, Image};
use anyhow::{Context, Result, ensure};

const ACCEPT_MANIFEST: &str = "Accept: application/vnd.oci.image.manifest.v1+json\r\n";
const MANIFEST_CONTENT: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

/// How a blob is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    /// POST, then PUT with the body.
    Monolithic,
    /// POST, PATCH with the body, PUT without one.
    Streamed,
}

/// Pushes a blob.
pub(crate) async fn push_blob(
    client: &mut Client,
    path_of_uploads: &str,
    blob: &Blob,
    upload: Upload,
) -> Result<()> {
    let opened = client.send(Request::new("POST", path_of_uploads)).await?;
    let mut location = next_location(&opened, 202, "POST")?;
    let mut body = blob.body();
    if upload == Upload::Streamed {
        let patch = Request::new("PATCH", &location).headers(OCTETS).body(body);
        let patched = client.send(patch).await?;
        location = next_location(&patched, 202, "PATCH")?;
        body = Body::EMPTY;
    }
    let joint = if location.contains('?') { '&' } else { '?' };
    location = format!("{location}{joint}digest={}", blob.digest);
    let put = Request::new("PUT", &location).headers(OCTETS).body(body);
    expect_status(&client.send(put).await?, 201, "PUT of a blob")
}

/// Returns where the next request of an upload goes, without the server's name.
fn next_location(answer: &Answer, status: u16, method: &str) -> Result<String> {
    expect_status(answer, status, method)?;
    let location = answer.location.as_deref();
    let location = location.with_context(|| format!("{method}: no Location"))?;
    let path = crate::client::split_url(location)?.map_or(location, |(_, path)| path);
    Ok(path.to_owned())
}

/// Pushes the blobs of an image and its manifest under its tag.
pub(crate) async fn push_image(client: &mut Client, image: &Image, upload: Upload) -> Result<()> {
    for blob in &image.blobs {
        push_blob(client, &image.path_of_uploads, blob, upload).await?;
    }
    push_manifest(client, image, &image.path_of_tag).await
}

/// Pushes the manifest of an image under a path.
pub(crate) async fn push_manifest(client: &mut Client, image: &Image, path: &str) -> Result<()> {
    let body = Body {
        head: &image.manifest,
        tail: &[],
    };
    let put = Request::new("PUT", path)
        .headers(MANIFEST_CONTENT)
        .body(body);
    expect_status(&client.send(put).await?, 201, "PUT of a manifest")
}

/// Pulls as a runtime does: HEAD by tag, GET by digest, then every blob. Returns the bytes.
pub(crate) async fn pull_image(client: &mut Client, image: &Image) -> Result<u64> {
    head_manifest(client, image).await?;
    let get = Request::new("GET", &image.path_of_digest).headers(ACCEPT_MANIFEST);
    let answer = client.send_following(get).await?;
    check_manifest(&answer, image, image.manifest.len() as u64)?;
    let mut bytes = answer.body_bytes;
    for (blob, path) in image.blobs.iter().zip(&image.paths_of_blobs) {
        bytes += pull_blob(client, blob, path).await?;
    }
    Ok(bytes)
}

/// Pulls a blob and returns its bytes.
pub(crate) async fn pull_blob(client: &mut Client, blob: &Blob, path: &str) -> Result<u64> {
    let answer = client.send_following(Request::new("GET", path)).await?;
    expect_status(&answer, 200, "GET of a blob")?;
    ensure!(
        answer.body_bytes == blob.bytes,
        "GET of a blob: {} of {} bytes",
        answer.body_bytes,
        blob.bytes
    );
    Ok(answer.body_bytes)
}

/// Pulls an image and looks at every byte: outside of what is measured.
pub(crate) async fn verify_image(client: &mut Client, image: &Image) -> Result<()> {
    let get = Request::new("GET", &image.path_of_tag)
        .headers(ACCEPT_MANIFEST)
        .kept();
    let answer = client.send_following(get).await?;
    expect_status(&answer, 200, "GET of a manifest")?;
    ensure!(
        answer.body == image.manifest,
        "the manifest came back changed"
    );
    for (blob, path) in image.blobs.iter().zip(&image.paths_of_blobs) {
        let answer = client
            .send_following(Request::new("GET", path).kept())
            .await?;
        expect_status(&answer, 200, "GET of a blob")?;
        ensure!(blob.is(&answer.body), "{} came back changed", blob.digest);
    }
    Ok(())
}

/// Asks for the head of a manifest by tag.
pub(crate) async fn head_manifest(client: &mut Client, image: &Image) -> Result<()> {
    let head = Request::new("HEAD", &image.path_of_tag).headers(ACCEPT_MANIFEST);
    check_manifest(&client.send_following(head).await?, image, 0)
}

/// Gets a manifest by tag and returns its bytes.
pub(crate) async fn get_manifest(client: &mut Client, image: &Image) -> Result<u64> {
    let get = Request::new("GET", &image.path_of_tag).headers(ACCEPT_MANIFEST);
    let bytes = image.manifest.len() as u64;
    check_manifest(&client.send_following(get).await?, image, bytes)?;
    Ok(bytes)
}

fn check_manifest(answer: &Answer, image: &Image, bytes: u64) -> Result<()> {
    expect_status(answer, 200, "a manifest")?;
    let digest = answer.digest.as_deref();
    let digest = digest.context("a manifest without Docker-Content-Digest")?;
    ensure!(digest == image.digest, "another manifest: {digest}");
    ensure!(
        answer.body_bytes == bytes,
        "a manifest of {} bytes",
        answer.body_bytes
    );
    Ok(())
}

/// Asks for the head of an image's first layer.
pub(crate) async fn head_blob(client: &mut Client, image: &Image) -> Result<()> {
    let (blob, path) = (&image.blobs[0], &image.paths_of_blobs[0]);
    let answer = client.send_following(Request::new("HEAD", path)).await?;
    expect_status(&answer, 200, "HEAD of a blob")?;
    let length = answer.length;
    ensure!(
        length == Some(blob.bytes),
        "HEAD of a blob: {length:?} bytes"
    );
    Ok(())
}

/// Gets a page of a list and returns its bytes. With `least` the entries are counted.
pub(crate) async fn page(client: &mut Client, path: &str, least: Option<usize>) -> Result<u64> {
    let get = Request::new("GET", path);
    let Some(least) = least else {
        let answer = client.send(get).await?;
        expect_status(&answer, 200, "GET of a page")?;
        return Ok(answer.body_bytes);
    };
    let answer = client.send(get.kept()).await?;
    expect_status(&answer, 200, "GET of a page")?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let list = body.get("tags").or_else(|| body.get("repositories"));
    let entries = list.and_then(|list| list.as_array()).map_or(0, Vec::len);
    ensure!(
        entries >= least,
        "a page of {entries} entries instead of {least}"
    );
    Ok(answer.body_bytes)
}

fn expect_status(answer: &Answer, status: u16, what: &str) -> Result<()> {
    ensure!(answer.status == status, "{what}: status {}", answer.status);
    Ok(())
}
