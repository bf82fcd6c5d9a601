//! The document that describes the operations: `OpenAPI` 3.1, made of the code itself.

use super::answer::{Outcome, Output};
use super::input::Input;
use super::{
    Administration, access_tokens, collector, explain, groups, jobs, keys, manifests, repositories,
    robots, rules, scrub, tags, uploads, users,
};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roadstead administration",
        description = "Users, robots, rules, repositories. Every operation needs the right `admin` on all \
                       repositories (`**`), proven by Basic credentials: a password, an access token in \
                       its place, or the secret of a robot.",
    ),
    servers((url = "/api/v1")),
    security(("basic" = [])),
    modifiers(&Credentials, &OperationIds),
    paths(
        show,
        users::list, users::add, users::show, users::remove, users::set_password,
        access_tokens::list, access_tokens::create, access_tokens::remove,
        groups::list, groups::join, groups::leave,
        robots::list, robots::create, robots::show, robots::remove, robots::rotate,
        rules::list, rules::add, rules::remove, explain::explain,
        keys::rotate,
        collector::show,
        jobs::list, jobs::start, jobs::show,
        scrub::show,
        repositories::list,
        tags::list, tags::remove, tags::history, tags::deleted, tags::restore,
        manifests::deleted, manifests::restore,
        uploads::list, uploads::abort,
    )
)]
struct Document;

/// Adds how a caller proves who they are.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
        components.add_security_scheme("basic", basic);
    }
}

/// Calls each operation by its tag too, such as `robots_list`: the name of its function alone is not
/// its own, which generators of clients need.
struct OperationIds;

impl Modify for OperationIds {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for path in document.paths.paths.values_mut() {
            let methods = [
                &mut path.get,
                &mut path.put,
                &mut path.post,
                &mut path.delete,
            ];
            for operation in methods.into_iter().flatten() {
                let tag = operation.tags.iter().flatten().next();
                let tag = tag.map_or_else(String::new, |tag| tag.replace(' ', "_"));
                if let Some(id) = &mut operation.operation_id {
                    *id = format!("{tag}_{id}");
                }
            }
        }
    }
}

/// Returns the document, as JSON.
///
/// # Panics
/// Never: a description can be written as JSON.
#[must_use]
pub fn document() -> String {
    let document = Document::openapi();
    let mut text = document
        .to_pretty_json()
        .expect("a description has string keys and no failing member");
    text.push('\n');
    text
}

/// Shows this document.
#[utoipa::path(get, path = "/openapi.json", tag = "document", responses((status = 200)))]
pub(crate) async fn show(_administration: &Administration, _input: &Input<'_>) -> Outcome {
    Ok(Output::text(document()))
}
