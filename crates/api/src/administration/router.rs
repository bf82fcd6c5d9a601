//! Which operation a method and a path mean: one table, which the document is held against.

use super::answer::Outcome;
use super::input::{AdminRequest, Input};
use super::{
    Administration, access_tokens, collector, explain, groups, jobs, keys, manifests, openapi,
    repositories, robots, rules, scrub, tags, uploads, users,
};
use crate::error::AdminError;
use futures::future::LocalBoxFuture;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// An operation, ready to run.
type Run = for<'a> fn(&'a Administration, &'a Input<'a>) -> LocalBoxFuture<'a, Outcome>;

/// One line of the table.
struct Operation {
    method: &'static str,
    template: &'static str,
    run: Run,
}

macro_rules! operations {
    ($($method:literal $template:literal => $operation:path;)+) => {
        &[$(Operation {
            method: $method,
            template: $template,
            run: |administration, input| Box::pin($operation(administration, input)),
        }),+]
    };
}

const OPERATIONS: &[Operation] = operations! {
    "GET" "/openapi.json" => openapi::show;
    "GET" "/users" => users::list;
    "POST" "/users" => users::add;
    "GET" "/users/{user}" => users::show;
    "DELETE" "/users/{user}" => users::remove;
    "PUT" "/users/{user}/password" => users::set_password;
    "GET" "/users/{user}/tokens" => access_tokens::list;
    "POST" "/users/{user}/tokens" => access_tokens::create;
    "DELETE" "/users/{user}/tokens/{id}" => access_tokens::remove;
    "GET" "/groups" => groups::list;
    "PUT" "/groups/{group}/members/{user}" => groups::join;
    "DELETE" "/groups/{group}/members/{user}" => groups::leave;
    "GET" "/robots" => robots::list;
    "POST" "/robots" => robots::create;
    "GET" "/robots/{robot}" => robots::show;
    "DELETE" "/robots/{robot}" => robots::remove;
    "POST" "/robots/{robot}/rotate" => robots::rotate;
    "GET" "/rules" => rules::list;
    "POST" "/rules" => rules::add;
    "DELETE" "/rules/{id}" => rules::remove;
    "GET" "/explain" => explain::explain;
    "POST" "/keys/rotate" => keys::rotate;
    "GET" "/repositories" => repositories::list;
    "GET" "/tags" => tags::list;
    "DELETE" "/tags" => tags::remove;
    "GET" "/tags/history" => tags::history;
    "GET" "/collector" => collector::show;
    "GET" "/tags/deleted" => tags::deleted;
    "POST" "/tags/restore" => tags::restore;
    "GET" "/manifests/deleted" => manifests::deleted;
    "POST" "/manifests/restore" => manifests::restore;
    "GET" "/jobs" => jobs::list;
    "POST" "/jobs" => jobs::start;
    "GET" "/jobs/{id}" => jobs::show;
    "GET" "/scrub" => scrub::show;
    "GET" "/uploads" => uploads::list;
    "DELETE" "/uploads/{id}" => uploads::abort;
};

/// Finds the operation of a request and runs it.
pub(crate) async fn run(administration: &Administration, request: &AdminRequest<'_>) -> Outcome {
    // What reads can be asked for its head alone.
    let method = match request.method {
        "HEAD" => "GET",
        other => other,
    };
    let mut allow = Vec::new();
    for operation in OPERATIONS {
        let Some(parameters) = parameters(operation.template, request.path) else {
            continue;
        };
        if operation.method == method {
            let input = Input {
                request,
                parameters,
            };
            return (operation.run)(administration, &input).await;
        }
        if operation.method == "GET" {
            allow.push("HEAD");
        }
        allow.push(operation.method);
    }
    if allow.is_empty() {
        return Err(AdminError::NoPath);
    }
    let allow = allow.join(", ");
    Err(AdminError::Method { allow })
}

/// Returns the values of a template's parameters in a raw path, when it is a path of the template.
/// An escaped slash, a broken escape and an empty value never match.
fn parameters<'a>(template: &str, path: &'a str) -> Option<Vec<Cow<'a, str>>> {
    let mut values = Vec::new();
    let mut parts = path.split('/');
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected.starts_with('{') {
            let value = percent_decode_str(part).decode_utf8().ok()?;
            if value.is_empty() || value.contains(['/', '%']) {
                return None;
            }
            values.push(value);
        } else if part != expected {
            return None;
        }
    }
    parts.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_in_the_document_and_nothing_else() {
        let document: serde_json::Value =
            serde_json::from_str(&openapi::document()).expect("the document is JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let mut described = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("there are paths") {
            for (method, operation) in item.as_object().expect("a path has methods") {
                let id = operation["operationId"].as_str().expect("has an id");
                assert!(ids.insert(id.to_owned()), "{id} is there twice");
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let served: BTreeSet<String> = OPERATIONS
            .iter()
            .map(|operation| format!("{} {}", operation.method, operation.template))
            .collect();
        assert_eq!(served.len(), OPERATIONS.len());
        assert_eq!(described, served);
    }

    #[test]
    fn parameters_of_a_path_are_decoded_once() {
        let values = |path| parameters("/users/{user}/tokens/{id}", path);
        assert_eq!(
            values("/users/a%40b/tokens/x"),
            Some(vec!["a@b".into(), "x".into()])
        );
        for path in [
            "/users/a%2Fb/tokens/x",
            "/users/a%252Fb/tokens/x",
            "/users//tokens/x",
            "/users/%ff/tokens/x",
            "/users/a/tokens/x/",
            "/users/a/tokens",
            "users/a/tokens/x",
            "",
        ] {
            assert_eq!(values(path), None, "{path}");
        }
    }
}
