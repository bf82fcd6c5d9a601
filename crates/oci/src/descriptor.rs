//! Descriptors: how a document names other content.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Digest;

/// The `annotations` of a manifest or descriptor: a JSON object, kept as it was written.
///
/// Reads and writes as raw JSON, which serde can do only with `serde_json` and outside of flattened structs and tagged
/// enums.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Annotations(Box<RawValue>);

impl Annotations {
    pub(crate) fn from_raw(raw: &RawValue) -> Self {
        Self(raw.to_owned())
    }

    /// Returns the JSON text of the object.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Annotations {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for Annotations {}

/// Content, named by its type, digest and size (image-spec `descriptor.md`).
///
/// Members that the registry has no use for, such as `platform` and `urls`, are not held; `data` is checked when a
/// manifest is read and then dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest of the content.
    pub digest: Digest,
    /// The length of the content in bytes.
    pub size: u64,
    /// What kind of artifact the content is, when it is a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Further properties, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_members_are_left_out_of_the_json() {
        let descriptor = Descriptor {
            media_type: "a/b".to_owned(),
            digest: Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap(),
            size: 2,
            artifact_type: None,
            annotations: None,
        };

        let json = serde_json::to_string(&descriptor).unwrap();

        assert_eq!(
            json,
            format!(
                r#"{{"mediaType":"a/b","digest":"{}","size":2}}"#,
                descriptor.digest
            )
        );
        assert_eq!(
            serde_json::from_str::<Descriptor>(&json).unwrap(),
            descriptor
        );
    }

    #[test]
    fn annotations_keep_their_order_and_spelling() {
        let json = format!(
            r#"{{"mediaType":"a/b","digest":"sha256:{}","size":2,"annotations":{{"z": "1", "a":"\u0041"}}}}"#,
            "0".repeat(64)
        );

        let descriptor: Descriptor = serde_json::from_str(&json).unwrap();

        assert_eq!(
            descriptor.annotations.as_ref().unwrap().as_json(),
            r#"{"z": "1", "a":"\u0041"}"#
        );
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), json);
    }
}
