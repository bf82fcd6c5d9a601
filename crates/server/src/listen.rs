//! Takes the addresses that the server listens on.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use tokio::net::TcpSocket;

/// Connections that may wait to be accepted: a rollout of many nodes connects at once.
const BACKLOG: u32 = 4096;

/// Listens on an address. `setting` is what to change when that cannot be done. Must be called
/// inside the runtime.
pub(crate) fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    open(address).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::AddrInUse => format!(
                "the address is already in use by another process; choose another with {setting}"
            ),
            ErrorKind::AddrNotAvailable => {
                format!("this machine does not have the address; choose another with {setting}")
            }
            ErrorKind::PermissionDenied => format!(
                "ports below 1024 need a privilege that this process lacks; choose another with \
                 {setting}"
            ),
            _ => return anyhow::Error::new(error).context(format!("cannot listen on {address}")),
        };
        anyhow::anyhow!("cannot listen on {address}: {reason}")
    })
}

fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A server that starts again takes its port back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_told_with_what_to_do() {
        let first = listen(SocketAddr::from(([127, 0, 0, 1], 0)), "--listen").expect("a free port");
        let address = first.local_addr().expect("an address");
        let error = listen(address, "--listen")
            .expect_err("the port is taken")
            .to_string();
        let expected = format!(
            "cannot listen on {address}: the address is already in use by another process; choose \
             another with --listen"
        );
        assert_eq!(error, expected);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_told() {
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 5000));
        let error = listen(elsewhere, "--listen")
            .expect_err("not ours")
            .to_string();
        assert!(
            error.contains("this machine does not have the address"),
            "{error}"
        );
    }
}
