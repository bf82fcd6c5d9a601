//! Manifests of Kubernetes as a set: parsing, finding one, and running the server on what is in them.

use roadstead_tests::binary;
use roadstead_tests::server::write_file;
use serde::Deserialize as _;
use serde_json::Value;
use std::fmt::Write as _;
use std::process::Command;

/// What one `kubectl apply` gives to the cluster.
#[derive(Debug)]
pub(crate) struct Manifests(Vec<Value>);

impl Manifests {
    /// Parses YAML with any number of documents.
    pub(crate) fn parse(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text)
            .map(|document| Value::deserialize(document).expect("is YAML that JSON could say"))
            .filter(|document| !document.is_null());
        Self(documents.collect())
    }

    /// Returns all objects of a kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        let of_kind = self.0.iter().filter(|object| object["kind"] == kind);
        of_kind.collect()
    }

    /// Returns the only object of a kind.
    #[track_caller]
    pub(crate) fn only(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "objects of the kind {kind}: {all:#?}");
        all[0]
    }

    /// Returns the names of all objects, each with its kind.
    pub(crate) fn names(&self) -> Vec<String> {
        let name = |object: &Value| {
            format!(
                "{}/{}",
                text(object, "/kind"),
                text(object, "/metadata/name")
            )
        };
        self.0.iter().map(name).collect()
    }

    /// Returns what runs the server: the only `Deployment` or `StatefulSet`.
    #[track_caller]
    pub(crate) fn workload(&self) -> &Value {
        let mut all = self.all("Deployment");
        all.extend(self.all("StatefulSet"));
        assert_eq!(all.len(), 1, "{:?}", self.names());
        all[0]
    }

    /// Returns the server's configuration.
    #[track_caller]
    pub(crate) fn configuration(&self) -> &str {
        text(self.only("ConfigMap"), "/data/roadstead.yaml")
    }

    /// Returns one value that the server prints of its configuration, found by a JSON pointer. The
    /// variables that come from Secrets have values; all others are as in the pod.
    #[track_caller]
    pub(crate) fn effective_setting(&self, pointer: &str) -> Value {
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        let file = folder.path().join("roadstead.yaml");
        write_file(&file, self.configuration().as_bytes());
        let mut command = Command::new(binary::path());
        command.env_clear().args(["config", "print", "--config"]);
        command.arg(&file);
        for variable in self.container()["env"].as_array().into_iter().flatten() {
            if !variable["valueFrom"]["secretKeyRef"].is_null() {
                command.env(text(variable, "/name"), "of-a-secret");
            }
        }
        let output = command.output().expect("the binary can be run");
        let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
        let _ = write!(said, "\nof\n{}", self.configuration());
        assert!(output.status.success(), "{said}");
        let printed: Value = serde_yaml::from_slice(&output.stdout).expect("prints YAML");
        let value = printed.pointer(pointer).cloned();
        value.unwrap_or_else(|| panic!("no {pointer} in {printed:#}"))
    }

    /// Returns the specification of the pods.
    #[track_caller]
    pub(crate) fn pod(&self) -> &Value {
        &self.workload()["spec"]["template"]["spec"]
    }

    /// Returns the only container.
    #[track_caller]
    pub(crate) fn container(&self) -> &Value {
        let containers = self.pod()["containers"].as_array().expect("is a list");
        assert_eq!(containers.len(), 1, "{containers:#?}");
        &containers[0]
    }
}

/// Returns the text at a JSON pointer.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {value:#}"))
}

/// Returns the whole number at a JSON pointer.
#[track_caller]
pub(crate) fn number(value: &Value, pointer: &str) -> u64 {
    let found = value.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {value:#}"))
}
