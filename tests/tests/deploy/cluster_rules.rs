//! What holds for every way to run Roadstead in a cluster, whoever wrote the manifests.

use crate::manifests::{Manifests, number, text};
use serde_json::{Value, json};

/// Holds manifests against all the rules.
#[track_caller]
pub(crate) fn check(manifests: &Manifests) {
    pods_have_no_rights(manifests);
    probes_ask_the_admin_listener(manifests);
    requests_in_flight_may_end(manifests);
    the_configuration_is_the_pods(manifests);
    selectors_find_the_pods(manifests);
    the_network_is_closed(manifests);
    replicas_share_a_bucket(manifests);
}

/// The "restricted" profile of Kubernetes' pod security standards, and a root that is read-only.
#[track_caller]
fn pods_have_no_rights(manifests: &Manifests) {
    let pod = manifests.pod();
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    // By number: the kubelet cannot tell whether a name is root's.
    assert!(number(context, "/runAsUser") >= 1000);
    assert!(number(context, "/runAsGroup") >= 1000);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert_eq!(pod["automountServiceAccountToken"], false);
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[host].is_null(), "{host}");
    }
    let container = &manifests.container()["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["readOnlyRootFilesystem"], true);
    assert_eq!(container["capabilities"], json!({"drop": ["ALL"]}));
    assert!(container["privileged"].is_null());
    for account in manifests.all("ServiceAccount") {
        assert_eq!(account["automountServiceAccountToken"], false);
    }
    // Kubernetes would give the pod a variable for each port of each service.
    assert_eq!(pod["enableServiceLinks"], false);
    let resources = &manifests.container()["resources"];
    assert!(resources["limits"]["memory"].is_string(), "{resources}");
    assert!(resources["requests"]["cpu"].is_string(), "{resources}");
}

#[track_caller]
fn probes_ask_the_admin_listener(manifests: &Manifests) {
    let container = manifests.container();
    let ports = container["ports"].as_array().expect("is a list");
    let port = |name: &str| {
        let port = ports.iter().find(|port| port["name"] == name);
        number(port.expect("the port has the name"), "/containerPort")
    };
    let listens = |setting: &str| {
        let address = manifests.effective_setting(setting);
        let address = address.as_str().expect("is an address").to_owned();
        let (host, port) = address.rsplit_once(':').expect("has a port");
        assert_eq!(host, "0.0.0.0", "nobody else reaches a pod's loopback");
        port.parse::<u64>().expect("is a number")
    };
    assert_eq!(port("registry"), listens("/listen"));
    assert_eq!(port("admin"), listens("/admin/listen"));
    for (probe, path) in [
        ("startupProbe", "/healthz"),
        ("livenessProbe", "/healthz"),
        ("readinessProbe", "/readyz"),
    ] {
        let asked = &container[probe]["httpGet"];
        assert_eq!(asked, &json!({"path": path, "port": "admin"}), "{probe}");
    }
    // The server itself gives its storage five seconds.
    assert!(number(container, "/readinessProbe/timeoutSeconds") > 5);
    // A start after a crash, or one that waits for another server to be gone.
    let start = &container["startupProbe"];
    let patience = number(start, "/periodSeconds") * number(start, "/failureThreshold");
    assert!(patience >= 120, "{patience} s to start");
}

/// The kubelet kills what has not ended in the grace period, which begins before `preStop`.
#[track_caller]
fn requests_in_flight_may_end(manifests: &Manifests) {
    let drain = manifests.effective_setting("/timeouts/shutdown");
    let drain = seconds(drain.as_str().expect("is a duration"));
    let wait = number(manifests.container(), "/lifecycle/preStop/sleep/seconds");
    let grace = number(manifests.pod(), "/terminationGracePeriodSeconds");
    assert!(
        grace >= drain + wait + 5,
        "{grace} s for {wait} s before and {drain} s of requests"
    );
}

fn seconds(duration: &str) -> u64 {
    let digits = duration.trim_end_matches(char::is_alphabetic);
    let count: u64 = digits.parse().expect("begins with a number");
    match &duration[digits.len()..] {
        "s" => count,
        "m" => count * 60,
        "h" => count * 3600,
        unit => panic!("{duration} is written in {unit:?}"),
    }
}

#[track_caller]
fn the_configuration_is_the_pods(manifests: &Manifests) {
    let container = manifests.container();
    assert_eq!(container["args"], json!(["serve"]));
    let configuration = json!({
        "name": "ROADSTEAD_CONFIG",
        "value": "/etc/roadstead/roadstead.yaml",
    });
    let variables = container["env"].as_array().expect("is a list");
    assert!(variables.contains(&configuration), "{variables:#?}");
    let volumes = manifests.pod()["volumes"].as_array().expect("is a list");
    let volume = volumes
        .iter()
        .find(|volume| {
            volume["configMap"]["name"] == manifests.only("ConfigMap")["metadata"]["name"]
        })
        .expect("the configuration is a volume");
    let mounts = container["volumeMounts"].as_array().expect("is a list");
    let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]);
    let mount = mount.expect("the configuration is mounted");
    assert_eq!(mount["mountPath"], "/etc/roadstead");
    assert_eq!(mount["readOnly"], true);
    // A ConfigMap is no place for them, and nothing else here is either.
    assert!(manifests.all("Secret").is_empty());
    assert!(!manifests.configuration().contains("$2"), "a bcrypt hash");
}

#[track_caller]
fn selectors_find_the_pods(manifests: &Manifests) {
    let workload = manifests.workload();
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    let finds = |selector: &Value| {
        let selector = selector.as_object().expect("is a map");
        assert!(!selector.is_empty());
        let found = selector.iter().all(|(key, value)| labels[key] == *value);
        assert!(found, "{selector:#?} does not find {labels:#}");
    };
    finds(&workload["spec"]["selector"]["matchLabels"]);
    for service in manifests.all("Service") {
        finds(&service["spec"]["selector"]);
    }
    for kind in ["PodDisruptionBudget", "ServiceMonitor"] {
        for object in manifests.all(kind) {
            let selector = &object["spec"]["selector"]["matchLabels"];
            assert!(selector.is_object(), "{kind}");
        }
    }
    for budget in manifests.all("PodDisruptionBudget") {
        finds(&budget["spec"]["selector"]["matchLabels"]);
    }
    for policy in manifests.all("NetworkPolicy") {
        finds(&policy["spec"]["podSelector"]["matchLabels"]);
    }
}

/// The admin listener asks nobody for a name, so no rule may let everybody reach it.
#[track_caller]
fn the_network_is_closed(manifests: &Manifests) {
    for policy in manifests.all("NetworkPolicy") {
        let spec = &policy["spec"];
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
        for rule in spec["ingress"].as_array().expect("is a list") {
            let ports = rule["ports"].as_array().expect("names its ports");
            if ports.iter().any(|port| port["port"] == "admin") {
                let from = rule["from"].as_array().expect("says for whom");
                assert!(!from.is_empty(), "{rule:#}");
            }
        }
        assert!(spec["egress"].is_array(), "without it nothing goes out");
    }
    for service in manifests.all("Service") {
        let ports = service["spec"]["ports"].as_array().expect("is a list");
        let shows_admin = ports.iter().any(|port| port["targetPort"] == "admin");
        let is_for_metrics = text(service, "/metadata/name").ends_with("-metrics");
        assert_eq!(shows_admin, is_for_metrics, "{service:#}");
    }
}

#[track_caller]
fn replicas_share_a_bucket(manifests: &Manifests) {
    let workload = manifests.workload();
    let replicas = number(workload, "/spec/replicas");
    let is_local = manifests.effective_setting("/storage")["local"].is_object();
    assert_eq!(workload["kind"] == "StatefulSet", is_local);
    if is_local {
        assert_eq!(replicas, 1, "a volume has one server");
        assert_eq!(manifests.effective_setting("/storage/local/path"), "/data");
        let mounts = manifests.container()["volumeMounts"].as_array();
        let is_data = |mount: &Value| mount["mountPath"] == "/data" && mount["readOnly"] != true;
        assert!(mounts.expect("is a list").iter().any(is_data));
        // Else the volume is root's, and the server cannot write to it.
        assert!(number(manifests.pod(), "/securityContext/fsGroup") >= 1000);
    }
    let budgets = manifests.all("PodDisruptionBudget");
    assert_eq!(budgets.len(), usize::from(replicas > 1), "{replicas}");
}
