//! Administration over a socket of this machine, for the commands of whoever owns the data folder.
//!
//! The same operations as on the registry's listener, by the same code; that the socket can be
//! reached, by the folder's mode, is the right to them.

use crate::administration::{Administration, Requester};
use crate::body::{BodyPace, RequestBody};
use crate::error::AdminError;
use crate::handlers::administration::{perform, refuse};
use actix_service::fn_service;
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::{App, HttpServer};
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use tokio::net::UnixStream;

/// Who connected.
#[derive(Clone, Copy)]
struct Peer {
    is_owner: bool,
}

/// A server on a socket, which serves once it runs.
pub struct AdminSocket(Server);

impl std::fmt::Debug for AdminSocket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AdminSocket")
    }
}

impl AdminSocket {
    /// Serves until `stop` is over, and lets the requests in flight end.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let handle = self.0.handle();
        let stopping = async {
            stop.await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(self.0, stopping);
        served
    }
}

/// Makes the server of a socket, which answers the user `owner` of this machine and root alone.
/// Nothing is served before it runs, which needs a Tokio runtime.
///
/// # Errors
/// What the system says of the socket.
pub fn bind_admin_socket(
    listener: UnixListener,
    owner: u32,
    administration: Arc<Administration>,
) -> io::Result<AdminSocket> {
    let server = HttpServer::new(move || {
        let administration = Arc::clone(&administration);
        App::new().default_service(fn_service(move |request| {
            serve(Arc::clone(&administration), request)
        }))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .on_connect(move |stream, data| {
        let peer = stream.downcast_ref::<UnixStream>();
        let uid = peer.and_then(|stream| Some(stream.peer_cred().ok()?.uid()));
        data.insert(Peer {
            is_owner: uid.is_some_and(|uid| uid == 0 || uid == owner),
        });
    })
    .listen_uds(listener)?
    .run();
    Ok(AdminSocket(server))
}

async fn serve(
    administration: Arc<Administration>,
    request: ServiceRequest,
) -> Result<ServiceResponse, actix_web::Error> {
    let (request, payload) = request.into_parts();
    let is_owner = request
        .conn_data::<Peer>()
        .is_some_and(|peer| peer.is_owner);
    let reply = if is_owner {
        let mut body = RequestBody::new(&request, payload, BodyPace::default());
        perform(&request, &administration, Requester::Operator, &mut body).await
    } else {
        refuse(AdminError::Forbidden(
            "this user of the machine does not own the data folder".to_owned(),
        ))
    };
    Ok(ServiceResponse::new(request, reply.map_into_boxed_body()))
}
