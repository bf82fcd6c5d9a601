//! The bytes of blobs and manifests.

use crate::plan::Plan;
use fastrand::Rng;
use roadstead_oci::{Digest, ManifestMediaType};
use serde_json::{Value, json};

/// Returns the bytes of a blob.
///
/// # Panics
/// Where a blob does not fit into the memory of the machine.
#[must_use]
pub fn blob(plan: &Plan, blob: u64) -> Vec<u8> {
    let length = usize::try_from(plan.size(blob)).expect("a blob fits into memory");
    let mut bytes = vec![0; length];
    let mut random = Rng::with_seed(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ blob);
    random.fill(&mut bytes);
    // Else two of them might be the same.
    bytes[..8].copy_from_slice(&blob.to_le_bytes());
    bytes
}

/// Returns the bytes of an image manifest. `digests` are those of all blobs, by their numbers.
///
/// # Panics
/// When they are fewer than the plan has, or the plan does not hold together.
#[must_use]
pub fn manifest(plan: &Plan, manifest: u64, digests: &[Digest]) -> Vec<u8> {
    let describe = |media_type: &str, blob: u64| -> Value {
        let index = usize::try_from(blob).expect("a blob has an index");
        json!({"mediaType": media_type, "digest": digests[index].to_string(), "size": plan.size(blob)})
    };
    let mut blobs = plan.blobs_of(manifest);
    let config = blobs.next().expect("a manifest names a configuration");
    let layers: Vec<Value> = blobs
        .map(|layer| describe("application/vnd.oci.image.layer.v1.tar", layer))
        .collect();
    let document = json!({
        "schemaVersion": 2,
        "mediaType": ManifestMediaType::OciManifest.as_str(),
        "config": describe("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
    });
    document.to_string().into_bytes()
}
