//! `deploy/aws/iam-policy.json` allows what the S3 driver calls, and nothing else.

use crate::{document, project};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The right that a call needs. The table is that of "Required permissions for Amazon S3 API
/// operations" in the user guide of S3.
const RIGHTS: &[(&str, &[&str])] = &[
    ("abort_multipart_upload", &["s3:AbortMultipartUpload"]),
    ("complete_multipart_upload", &["s3:PutObject"]),
    ("create_multipart_upload", &["s3:PutObject"]),
    ("delete_object", &["s3:DeleteObject"]),
    // Who may not list the bucket is answered 403 for an object that is not there, not 404.
    ("get_object", &["s3:GetObject", "s3:ListBucket"]),
    ("head_object", &["s3:GetObject", "s3:ListBucket"]),
    ("list_multipart_uploads", &["s3:ListBucketMultipartUploads"]),
    ("list_objects_v2", &["s3:ListBucket"]),
    ("list_parts", &["s3:ListMultipartUploadParts"]),
    ("put_object", &["s3:PutObject"]),
    ("upload_part", &["s3:PutObject"]),
    ("upload_part_copy", &["s3:GetObject", "s3:PutObject"]),
];

/// What S3 asks of the key service in the caller's name when objects are encrypted by it; parts of
/// an upload are decrypted when they are put together.
const KEY_SERVICE_RIGHTS: &[&str] = &["kms:Decrypt", "kms:GenerateDataKey"];

/// Rights that hold for the bucket and not for objects in it.
const BUCKET_RIGHTS: &[&str] = &["s3:ListBucket", "s3:ListBucketMultipartUploads"];

/// Returns the source of the S3 driver without white space, so that a call is one piece of text.
fn driver_source() -> String {
    let mut source = String::new();
    let drivers = project("crates/storage/src/drivers");
    append_rust_files(&drivers.join("s3"), &mut source);
    let main = std::fs::read_to_string(drivers.join("s3.rs")).expect("the driver is there");
    source.push_str(&main);
    source.retain(|character| !character.is_whitespace());
    source
}

fn append_rust_files(folder: &Path, source: &mut String) {
    for entry in folder.read_dir().expect("the folder is there") {
        let path = entry.expect("can be listed").path();
        if path.is_dir() {
            append_rust_files(&path, source);
        } else if path.extension().is_some_and(|end| end == "rs") {
            source.push_str(&std::fs::read_to_string(&path).expect("can be read"));
        }
    }
}

/// Returns the operations that are called on the SDK's client: `sdk.<name>()`.
fn operations(source: &str) -> BTreeSet<&str> {
    let calls = source.split("sdk.").skip(1);
    calls
        .filter_map(|rest| {
            let (name, _) = rest.split_once("()")?;
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            name.bytes()
                .all(|byte| is_name(byte) || byte == b'_')
                .then_some(name)
        })
        .collect()
}

fn needed() -> BTreeSet<&'static str> {
    let source = driver_source();
    let mut needed = BTreeSet::new();
    for operation in operations(&source) {
        let Some((_, rights)) = RIGHTS.iter().find(|(name, _)| *name == operation) else {
            panic!("the driver calls {operation}; say here which right it needs");
        };
        needed.extend(rights.iter());
    }
    if source.contains(".set_ssekms_key_id(") {
        needed.extend(KEY_SERVICE_RIGHTS);
    }
    needed
}

/// Returns the rights of the policy with what they hold for.
fn granted(policy: &Value) -> Vec<(&str, &str)> {
    let statements = policy["Statement"].as_array().expect("has statements");
    let mut granted = Vec::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        let resource = statement["Resource"].as_str().expect("one resource");
        let actions = statement["Action"].as_array().expect("a list of actions");
        let actions = actions
            .iter()
            .map(|action| (action.as_str().expect("a text"), resource));
        granted.extend(actions);
    }
    granted
}

#[test]
fn the_policy_allows_what_the_driver_calls_and_nothing_else() {
    let policy = document("aws/iam-policy.json");
    let granted: BTreeSet<&str> = granted(&policy)
        .into_iter()
        .map(|(right, _)| right)
        .collect();
    let needed = needed();
    let missing: Vec<_> = needed.difference(&granted).collect();
    let surplus: Vec<_> = granted.difference(&needed).collect();
    assert!(missing.is_empty(), "the policy lacks {missing:?}");
    assert!(
        surplus.is_empty(),
        "the policy allows without need {surplus:?}"
    );
}

#[test]
fn each_right_of_the_policy_holds_for_what_it_can_hold_for() {
    let policy = document("aws/iam-policy.json");
    for (right, resource) in granted(&policy) {
        let wanted = if right.starts_with("kms:") {
            "arn:aws:kms:REGION:ACCOUNT:key/KEY"
        } else if BUCKET_RIGHTS.contains(&right) {
            "arn:aws:s3:::BUCKET"
        } else {
            "arn:aws:s3:::BUCKET/PREFIX/*"
        };
        assert_eq!(resource, wanted, "{right}");
    }
}

#[test]
fn every_call_that_the_table_knows_is_called() {
    let source = driver_source();
    let called = operations(&source);
    for (operation, _) in RIGHTS {
        assert!(called.contains(operation), "nobody calls {operation}");
    }
}

#[test]
fn no_client_of_the_sdk_has_another_name() {
    // The search above sees calls on fields and variables that are called `sdk`.
    let source = driver_source();
    let clients = source.matches("Client::from_conf(").count();
    assert_eq!(clients, 1);
    assert!(source.contains("sdk:Client::from_conf("));
}

#[test]
fn the_azure_role_reaches_blobs_alone() {
    let role = document("azure/role.json");
    let blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";
    let wanted: Vec<Value> = ["delete", "read", "write"]
        .iter()
        .map(|right| format!("{blobs}/{right}").into())
        .collect();
    assert_eq!(role["DataActions"], Value::from(wanted));
    assert_eq!(role["Actions"], Value::Array(Vec::new()));
}
