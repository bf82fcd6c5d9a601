//! A proxy before the server that loses answers, refuses requests and cuts bodies, once each.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server executes it, and the connection ends before the answer.
    LoseAnswer,
    /// It never reaches the server.
    LoseRequest,
    /// The server executes it, and the answer is 503 all the same.
    Busy,
    /// 503 instead of any work.
    TurnAway,
    /// The answer ends in the middle of its body.
    CutBody,
}

/// A fault of the next request that fits.
#[derive(Clone, Debug)]
struct Planned {
    method: Method,
    /// What its path or its query contains.
    fragment: &'static str,
    fault: Fault,
}

type Body = http_body_util::combinators::BoxBody<Bytes, io::Error>;

/// The proxy; it ends with this handle.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    planned: Arc<Mutex<Vec<Planned>>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let planned = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, server, Arc::clone(&planned)));
        Self {
            address,
            planned,
            _tasks: tasks,
        }
    }

    /// Plans a fault of the next request of this method whose target contains `fragment`.
    pub(crate) fn plan(&self, method: Method, fragment: &'static str, fault: Fault) {
        self.planned.lock().unwrap().push(Planned {
            method,
            fragment,
            fault,
        });
    }

    /// Tells whether every planned fault came about.
    pub(crate) fn is_done(&self) -> bool {
        self.planned.lock().unwrap().is_empty()
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, planned: Arc<Mutex<Vec<Planned>>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let planned = Arc::clone(&planned);
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(request, server, Arc::clone(&planned)));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer);
            // A lost answer ends it with an error, as planned.
            let _ = connection.await;
        });
    }
}

fn take(planned: &Mutex<Vec<Planned>>, request: &Request<Incoming>) -> Option<Fault> {
    let mut planned = planned.lock().unwrap();
    let target = request.uri().path_and_query()?.as_str();
    let index = planned.iter().position(|planned| {
        planned.method == *request.method() && target.contains(planned.fragment)
    })?;
    Some(planned.remove(index).fault)
}

fn busy() -> Response<Body> {
    let body = Full::new(Bytes::from_static(
        b"<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code>\
          <Message>The server is busy.</Message></Error>",
    ));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

async fn answer(
    request: Request<Incoming>,
    server: SocketAddr,
    planned: Arc<Mutex<Vec<Planned>>>,
) -> io::Result<Response<Body>> {
    let fault = take(&planned, &request);
    let (head, body) = request.into_parts();
    let bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    match fault {
        Some(Fault::LoseRequest) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::TurnAway) => return Ok(busy()),
        _ => {}
    }
    let request = Request::from_parts(head, Full::new(bytes));
    let (head, bytes) = forward(request, server).await.map_err(io::Error::other)?;
    match fault {
        Some(Fault::LoseAnswer) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Busy) => Ok(busy()),
        Some(Fault::CutBody) => {
            let half = bytes.slice(..bytes.len() / 2);
            let cut = Err(io::ErrorKind::ConnectionReset.into());
            let frames = futures::stream::iter([Ok(Frame::data(half)), cut]);
            Ok(Response::from_parts(
                head,
                BodyExt::boxed(StreamBody::new(frames)),
            ))
        }
        _ => {
            let whole = Full::new(bytes).map_err(|never| match never {}).boxed();
            Ok(Response::from_parts(head, whole))
        }
    }
}

async fn forward(
    request: Request<Full<Bytes>>,
    server: SocketAddr,
) -> Result<(hyper::http::response::Parts, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    Ok((head, body.collect().await?.to_bytes()))
}
