//! The registry's listener: serves HTTP/1.1 and HTTP/2 on one port, with TLS or without, and stops.
//!
//! The server is put together from actix's parts rather than by its `HttpServer`, which lets a
//! client that connects and says nothing keep its socket for ever.

use crate::connection::{Connection, IdleLimits};
use crate::dispatch;
use crate::origin::TrustedProxies;
use crate::proxy_protocol;
use crate::state::AppState;
use crate::tls::Tls;
use crate::transport::Transport;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{
    IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::App;
use actix_web::dev::{AppConfig, Server, ServerHandle};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

/// How the registry's listener behaves.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Threads that serve connections, 1 to 512.
    pub workers: usize,
    /// Whether trusted proxies begin their connections with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// What connections are secured with, if they are.
    pub tls: Option<Tls>,
    /// From the first byte of a request to the end of its head, and for the handshake before.
    pub head_timeout: Duration,
    /// Between two requests on a connection.
    pub keep_alive: Duration,
    /// How long a connection is still read after an answer that came before the end of its
    /// request, so that the client sees the answer.
    pub disconnect_linger: Duration,
    /// How long a client may take nothing of an answer.
    pub write_silence: Duration,
    /// How long requests in flight may go on after a stop.
    pub shutdown_grace: Duration,
    /// Bytes of an answer that are gathered before they are written, on HTTP/1.1.
    pub h1_write_buffer_bytes: usize,
    /// Bytes that a client may send ahead on one stream of HTTP/2.
    pub h2_stream_window_bytes: u32,
    /// Bytes that a client may send ahead on one connection of HTTP/2.
    pub h2_connection_window_bytes: u32,
}

impl Default for ServerSettings {
    /// No PROXY protocol, no TLS, 10 s for a head, 75 s between requests, 5 s to linger, 60 s of a client that takes nothing,
    /// 30 s to finish after a stop, one worker a processor.
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            proxy_protocol: false,
            tls: None,
            head_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            disconnect_linger: Duration::from_secs(5),
            write_silence: Duration::from_mins(1),
            shutdown_grace: Duration::from_secs(30),
            h1_write_buffer_bytes: 256 * 1024,
            h2_stream_window_bytes: 4 * 1024 * 1024,
            h2_connection_window_bytes: 8 * 1024 * 1024,
        }
    }
}

/// A server that has its port and serves once it runs.
pub struct Bound {
    address: SocketAddr,
    server: Server,
}

/// Stops a listener. Clones stop the same one.
#[derive(Clone)]
pub struct Stopper(ServerHandle);

impl std::fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Bound")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stopper")
    }
}

impl Bound {
    pub(crate) const fn new(address: SocketAddr, server: Server) -> Self {
        Self { address, server }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what stops it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.server.handle())
    }

    /// Serves until it is stopped. Signals are the caller's business.
    pub async fn run(self) -> io::Result<()> {
        self.server.await
    }
}

impl Stopper {
    /// Takes no more connections, lets the requests in flight end within the grace of the
    /// settings, and returns when all is over.
    pub async fn finish(&self) {
        self.0.stop(true).await;
    }

    /// Ends everything at once.
    pub async fn abort(&self) {
        self.0.stop(false).await;
    }
}

/// Makes a server of a listener. Nothing is served before it runs, which needs a Tokio runtime.
///
/// # Errors
/// What the system says of the listener.
pub fn bind(listener: TcpListener, settings: ServerSettings, state: AppState) -> io::Result<Bound> {
    let address = listener.local_addr()?;
    let builder = Server::build()
        .workers(settings.workers.clamp(1, 512))
        .shutdown_timeout(settings.shutdown_grace.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let factory = move || {
        let limits = IdleLimits {
            head: settings.head_timeout,
            keep_alive: settings.keep_alive,
            write_silence: settings.write_silence,
        };
        let before = Before {
            proxies: settings.proxy_protocol.then(|| state.proxies.clone()),
            tls: settings.tls.clone(),
        };
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(settings.keep_alive)
            .client_request_timeout(settings.head_timeout)
            .client_disconnect_timeout(settings.disconnect_linger)
            .h1_write_buffer_size(settings.h1_write_buffer_bytes)
            .h2_initial_window_size(settings.h2_stream_window_bytes)
            .h2_initial_connection_window_size(settings.h2_connection_window_bytes)
            .local_addr(address)
            .on_connect_ext(|connection: &Connection<Transport>, data| {
                data.insert(connection.shared());
                data.insert(connection.stream().security());
            })
            .finish(application(state.clone()));
        // Boxed, as is the handshake in it, so that its room is given back once it is over: a
        // connection may live for days.
        let begin = move |stream| Box::pin(accept(stream, limits, before.clone()));
        fn_service(begin).and_then(http)
    };
    let server = builder.listen("registry", listener, factory)?.run();
    Ok(Bound::new(address, server))
}

/// Makes the service of one worker: everything goes to one handler.
fn application(
    state: AppState,
) -> impl ServiceFactory<
    actix_http::Request,
    Config = (),
    Response = actix_web::dev::ServiceResponse,
    Error = actix_web::HttpResponse,
    InitError = (),
    Service = impl actix_service::Service<
        actix_http::Request,
        Response = actix_web::dev::ServiceResponse,
        Error = actix_web::HttpResponse,
        Future = impl Future + 'static,
    >,
> {
    let state = Rc::new(state);
    let app = App::new().default_service(fn_service(move |request| {
        dispatch::serve(Rc::clone(&state), request)
    }));
    let app = app
        .into_factory()
        .map_err(|error: actix_web::Error| dispatch::failure(&error));
    map_config(app, |()| AppConfig::default())
}

/// What comes before HTTP on a connection.
#[derive(Clone)]
struct Before {
    /// Who begins with a header of the PROXY protocol, if anybody does.
    proxies: Option<TrustedProxies>,
    /// What secures it, if anything does.
    tls: Option<Tls>,
}

/// A connection whose next bytes are HTTP.
struct Begun {
    transport: Transport,
    is_http_2: bool,
    /// Where the client is.
    peer: Option<SocketAddr>,
}

/// Prepares a connection, and finds out which HTTP it speaks.
async fn accept(
    stream: TcpStream,
    limits: IdleLimits,
    before: Before,
) -> Result<(Connection<Transport>, Protocol, Option<SocketAddr>), DispatchError> {
    // Small answers must not wait for an acknowledgement of the one before.
    stream.set_nodelay(true).map_err(DispatchError::Io)?;
    let peer = stream.peer_addr().ok();
    let begun = timeout(limits.head, before.begin(stream, peer)).await;
    let begun = begun.map_err(|_| DispatchError::SlowRequestTimeout)?;
    let Begun {
        transport,
        is_http_2,
        peer,
    } = begun.map_err(|error| {
        debug!(client = peer.map(tracing::field::display), %error, "connection failed to begin");
        DispatchError::Io(error)
    })?;
    let protocol = if is_http_2 {
        Protocol::Http2
    } else {
        Protocol::Http1
    };
    Ok((
        Connection::new(transport, limits, is_http_2),
        protocol,
        peer,
    ))
}

impl Before {
    /// Reads the header of a proxy, and secures the connection.
    async fn begin(self, mut stream: TcpStream, peer: Option<SocketAddr>) -> io::Result<Begun> {
        let is_proxied = |proxies: &TrustedProxies| {
            let address = peer.map(|peer| peer.ip());
            address.is_some_and(|address| proxies.contain(address))
        };
        let client = if self.proxies.as_ref().is_some_and(is_proxied) {
            proxy_protocol::read(&mut stream).await?
        } else {
            None
        };
        let (transport, is_http_2) = if let Some(tls) = self.tls {
            Box::pin(tls.accept(stream)).await?
        } else {
            let is_http_2 = has_http_2_preface(&stream).await?;
            (Transport::Plain(stream), is_http_2)
        };
        Ok(Begun {
            transport,
            is_http_2,
            peer: client.or(peer),
        })
    }
}

/// Tells HTTP/2 from HTTP/1.1 by its first bytes.
async fn has_http_2_preface(stream: &TcpStream) -> io::Result<bool> {
    // The first bytes of the preface of HTTP/2 (RFC 9113, section 3.4). A client that sends fewer
    // at once than these is taken for HTTP/1.1, as it mostly is.
    const PREFACE: &[u8; 12] = b"PRI * HTTP/2";
    let mut first = [0; PREFACE.len()];
    let peeked = stream.peek(&mut first).await?;
    Ok(peeked == PREFACE.len() && first == *PREFACE)
}
