//! TLS, client certificates and proxies in front, over real sockets.

mod authority;
mod client;
mod client_certificates;
mod handshake;
mod proxies;
mod proxy_protocol;
mod reload;
mod use_over_tls;
