//! TLS, client certificates and proxies in front, over real sockets.

mod authority;
mod client;
mod handshake;
mod reload;
mod use_over_tls;
