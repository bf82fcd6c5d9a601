//! What holds for a refusal: the form of the error, and that the connection goes on.

use roadstead_tests::http::{Answer, Connection, Request};

/// Sends a request that must be refused with this status and code, on a connection that must take
/// the next one. Returns the answer.
#[track_caller]
pub(crate) fn refused(
    connection: &mut Connection,
    request: &Request,
    status: u16,
    code: &str,
) -> Answer {
    let answer = connection.send(request);
    answer.expect_error(status, code);
    connection.assert_usable();
    answer
}

/// Sends a request that must be refused with one of these statuses, in the form of the protocol, on
/// a connection that must take the next one. Returns the answer.
#[track_caller]
pub(crate) fn refused_with_any(
    connection: &mut Connection,
    request: &Request,
    statuses: &[u16],
) -> Answer {
    let answer = connection.send(request);
    assert!(statuses.contains(&answer.status), "{answer:?}");
    answer.assert_error_form();
    connection.assert_usable();
    answer
}

/// Sends a `HEAD` that must be refused: a status and no body.
#[track_caller]
pub(crate) fn refused_head(connection: &mut Connection, target: &str, status: u16) {
    let answer = connection.head(target);
    answer.expect_status(status);
    answer.assert_headers_of_the_api();
    connection.assert_usable();
}
