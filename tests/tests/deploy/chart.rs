//! The chart of `deploy/helm/roadstead`, rendered by helm with the values that people give it.

use crate::cluster_rules;
use crate::manifests::{Manifests, number, text};
use crate::project;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Renders the chart as the release `images` with values.
fn helm(values: &Value) -> Output {
    let mut child = Command::new("helm")
        // A helm that was built from source takes itself to be of an old cluster.
        .args(["template", "images", "--kube-version", "1.34.0"])
        .args(["--api-versions", "monitoring.coreos.com/v1"])
        .args(["--values", "-"])
        .arg(project("deploy/helm/roadstead"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("helm is on the path; tests/scripts/deploy.sh kubernetes sees to it");
    let mut input = child.stdin.take().expect("is piped");
    write!(input, "{values}").expect("helm reads the values");
    drop(input);
    child.wait_with_output().expect("helm ends")
}

#[track_caller]
fn render(values: &Value) -> Manifests {
    let output = helm(values);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Manifests::parse(&String::from_utf8(output.stdout).expect("is text"))
}

#[track_caller]
fn assert_refused(values: &Value, why: &str) {
    let output = helm(values);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{values} is accepted");
    assert!(said.contains(why), "{values}: {said}");
}

fn bucket() -> Value {
    json!({
        "replicas": 3,
        "externalUrl": "https://registry.example.com",
        "storage": {
            "kind": "s3",
            "s3": {
                "bucket": "images", "prefix": "roadstead", "region": "eu-central-1",
                "endpoint": "http://minio.minio:9000", "pathStyle": true,
                "existingSecret": "bucket-keys",
            },
        },
    })
}

#[test]
fn the_defaults_are_one_replica_on_a_volume() {
    let manifests = render(&json!({}));
    cluster_rules::check(&manifests);
    let workload = manifests.workload();
    assert_eq!(workload["kind"], "StatefulSet");
    let claim = &workload["spec"]["volumeClaimTemplates"][0]["spec"];
    assert_eq!(claim["resources"]["requests"]["storage"], "50Gi");
    assert_eq!(manifests.only("NetworkPolicy")["spec"]["egress"], json!([]));
    let rules = manifests.effective_setting("/access/rules");
    assert_eq!(rules[0]["subjects"], json!(["authenticated"]));
    assert_eq!(text(workload, "/metadata/name"), "images-roadstead");
}

#[test]
fn replicas_over_s3_have_their_keys_from_a_secret() {
    let manifests = render(&bucket());
    cluster_rules::check(&manifests);
    assert_eq!(number(manifests.workload(), "/spec/replicas"), 3);
    let s3 = manifests.effective_setting("/storage/s3");
    assert_eq!(s3["bucket"], "images");
    assert_eq!(s3["endpoint"], "http://minio.minio:9000");
    assert_eq!(s3["access_key"], "of-a-secret");
    assert_eq!(s3["secret_key"], "${env:S3_SECRET_KEY}");
    let egress = manifests.only("NetworkPolicy")["spec"]["egress"].to_string();
    assert!(egress.contains("\"port\":9000"), "{egress}");
    let strategy = &manifests.workload()["spec"]["strategy"];
    assert_eq!(strategy["rollingUpdate"]["maxUnavailable"], 0);
}

#[test]
fn without_a_secret_the_role_of_the_service_account_has_the_keys() {
    let mut values = bucket();
    values["storage"]["s3"] = json!({"bucket": "images", "region": "eu-central-1"});
    values["serviceAccount"] =
        json!({"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r"}});
    let manifests = render(&values);
    cluster_rules::check(&manifests);
    assert!(!manifests.configuration().contains("access_key"));
    let account = manifests.only("ServiceAccount");
    assert!(account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].is_string());
}

#[test]
fn replicas_over_azure_keep_the_rules() {
    let azure =
        json!({"account": "exampleimages", "container": "images", "existingSecret": "azure-key"});
    let manifests = render(&json!({
        "replicas": 2,
        "storage": {"kind": "azure", "azure": azure},
    }));
    cluster_rules::check(&manifests);
    let azure = manifests.effective_setting("/storage/azure");
    assert_eq!(azure["key"], "${env:AZURE_KEY}");
}

#[test]
fn everything_optional_at_once_keeps_the_rules() {
    let mut values = bucket();
    let more = json!({
        "image": {"repository": "registry.internal/roadstead", "digest": format!("sha256:{}", "a".repeat(64))},
        "imagePullSecrets": ["internal"],
        "externalUrl": "",
        "drainSeconds": 600,
        "access": {
            "htpasswdSecret": "people",
            "rules": [{"subjects": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]}],
        },
        "configuration": {"limits": {"manifest": "8MiB"}, "storage": {"s3": {"encryption": "s3"}}},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "ingress": {
            "enabled": true, "className": "nginx", "hosts": ["registry.example.org"],
            "tlsSecret": "registry-tls",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "0"},
        },
        "networkPolicy": {
            "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}],
        },
        "serviceMonitor": {"enabled": true, "labels": {"release": "prometheus"}},
        "podLabels": {"team": "images"},
        "podAnnotations": {"example.com/note": "yes"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "high",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    });
    for (key, value) in more.as_object().expect("is a map") {
        values[key] = value.clone();
    }
    let manifests = render(&values);
    cluster_rules::check(&manifests);
    let container = manifests.container();
    assert!(text(container, "/image").starts_with("registry.internal/roadstead@sha256:"));
    let url = manifests.effective_setting("/external_url");
    assert_eq!(url, "https://registry.example.org");
    assert_eq!(manifests.effective_setting("/limits/manifest"), "8MiB");
    assert_eq!(manifests.effective_setting("/storage/s3/encryption"), "s3");
    assert_eq!(manifests.effective_setting("/timeouts/shutdown"), "10m");
    let backend = &manifests.only("Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"];
    assert_eq!(backend["service"]["name"], "images-roadstead");
    // What Prometheus is told to look for is there.
    let wanted = &manifests.only("ServiceMonitor")["spec"]["selector"]["matchLabels"];
    let matches = |service: &&&Value| {
        let labels = &service["metadata"]["labels"];
        let wanted = wanted.as_object().expect("is a map");
        wanted.iter().all(|(key, value)| labels[key] == *value)
    };
    let services = manifests.all("Service");
    let found: Vec<&&Value> = services.iter().filter(matches).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["spec"]["ports"][0]["targetPort"], "admin");
}

#[test]
fn a_claim_that_is_there_takes_the_place_of_a_new_one() {
    let local = json!({"existingClaim": "old-images"});
    let manifests = render(&json!({"storage": {"local": local}}));
    cluster_rules::check(&manifests);
    assert!(manifests.workload()["spec"]["volumeClaimTemplates"].is_null());
    let volumes = manifests.pod()["volumes"].to_string();
    assert!(volumes.contains("old-images"), "{volumes}");
}

#[test]
fn a_changed_configuration_makes_new_pods() {
    let checksum = |values: &Value| {
        let manifests = render(values);
        let pointer = "/spec/template/metadata/annotations/checksum~1configuration";
        text(manifests.workload(), pointer).to_owned()
    };
    let before = checksum(&json!({}));
    assert_eq!(before, checksum(&json!({"podLabels": {"a": "b"}})));
    assert_ne!(before, checksum(&json!({"drainSeconds": 31})));
}

#[test]
fn values_that_do_not_go_together_are_refused_with_the_reason() {
    for (values, why) in [
        (json!({"replicas": 2}), "a volume has one server"),
        (json!({"storage": {"kind": "s3"}}), "name the bucket"),
        (
            json!({"storage": {"kind": "azure"}}),
            "name the account and the container",
        ),
        (
            json!({"access": {"rules": []}}),
            "write rules, or open: true",
        ),
        (
            json!({"access": {"open": true, "htpasswdSecret": "people"}}),
            "does not go with access.open",
        ),
        (json!({"ingress": {"enabled": true}}), "name the host"),
        (json!({"serviceMonitor": {"enabled": true}}), "who measures"),
        (
            json!({"configuration": {"admin": {"listen": "off"}}}),
            "configuration.admin",
        ),
        (
            json!({"configuration": {"timeouts": {"shutdown": "2h"}}}),
            "drainSeconds",
        ),
    ] {
        assert_refused(&values, why);
    }
    let mut recreate = bucket();
    recreate["updateStrategy"] = json!("Recreate");
    assert_refused(&recreate, "one server over a bucket");
    recreate["replicas"] = json!(1);
    cluster_rules::check(&render(&recreate));
}

#[test]
fn the_schema_refuses_slips_of_the_pen() {
    for (values, why) in [
        (json!({"replica": 3}), "replica"),
        (json!({"replicas": "three"}), "/replicas"),
        (json!({"replicas": 0}), "/replicas"),
        (json!({"storage": {"kind": "gcs"}}), "/storage/kind"),
        (json!({"storage": {"s3": {"buckets": "a"}}}), "buckets"),
        (
            json!({"storage": {"s3": {"secretKey": "in-the-open"}}}),
            "secretKey",
        ),
        (
            json!({"externalUrl": "registry.example.com"}),
            "/externalUrl",
        ),
        (json!({"image": {"digest": "latest"}}), "/image/digest"),
        (json!({"access": {"open": "no"}}), "/access/open"),
        (
            json!({"access": {"rules": [{"subjects": ["*"], "actions": ["pull"]}]}}),
            "repositories",
        ),
        (json!({"service": {"port": 70000}}), "/service/port"),
        (json!({"drainSeconds": "30s"}), "/drainSeconds"),
        (
            json!({"serviceMonitor": {"interval": "often"}}),
            "/serviceMonitor/interval",
        ),
    ] {
        assert_refused(&values, why);
    }
}

/// Each value that the file shows is in the schema, and the other way round.
#[test]
fn values_and_schema_have_the_same_keys() {
    let chart = project("deploy/helm/roadstead");
    let read = |name: &str| std::fs::read_to_string(chart.join(name)).expect("the file is there");
    let values: Value = serde_yaml::from_str(&read("values.yaml")).expect("is YAML");
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("is JSON");
    compare("", &values, &schema);
}

fn compare(path: &str, values: &Value, schema: &Value) {
    let (Some(values), Some(properties)) = (values.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    let names = |map: &serde_json::Map<String, Value>| {
        // Helm's own, which every chart gets.
        let names = map.keys().filter(|key| *key != "global");
        let mut names: Vec<String> = names.cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(values), names(properties), "{path}");
    assert_eq!(schema["additionalProperties"], false, "{path}");
    for (key, value) in values {
        compare(&format!("{path}/{key}"), value, &properties[key]);
    }
}
