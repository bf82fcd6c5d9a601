//! Where a client is when load balancers stand between: what `X-Forwarded-For` says, as far as the
//! one who said it is known.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Returns the nearest address that is none of the `proxies`; `None` when one of them names no
/// address. What lies further away may be made up: whoever is not a proxy of ours wrote it.
pub(crate) fn client_address(request: &HttpRequest, proxies: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    nearest(peer, request.headers(), proxies)
}

fn nearest(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    // An address of IPv4 on a socket of IPv6 is one of IPv4 to whoever writes networks.
    let mut address = peer.to_canonical();
    // Each proxy adds its own peer at the end, in the line that it got or in another one.
    let lines: Vec<_> = headers.get_all(header::X_FORWARDED_FOR).collect();
    let hops = lines.iter().rev().flat_map(|line| {
        let line = line.to_str().unwrap_or("not text");
        line.rsplit(',').map(str::trim)
    });
    for hop in hops {
        if !proxies.iter().any(|proxy| proxy.contains(&address)) {
            break;
        }
        address = parse(hop)?.to_canonical();
    }
    Some(address)
}

/// Reads an address; some proxies write the port, too.
fn parse(hop: &str) -> Option<IpAddr> {
    let alone = hop.parse();
    alone
        .or_else(|_| hop.parse().map(|socket: SocketAddr| socket.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn seen(peer: &str, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(
                header::X_FORWARDED_FOR,
                HeaderValue::from_str(line).unwrap(),
            );
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let client = nearest(peer.parse().unwrap(), &headers, &proxies);
        client.map(|client| client.to_string())
    }

    #[test]
    fn a_proxy_is_believed_about_its_peer() {
        for (peer, lines, client) in [
            ("10.0.0.1", &["192.0.2.7"][..], "192.0.2.7"),
            ("::ffff:10.0.0.1", &["::ffff:192.0.2.7"], "192.0.2.7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["192.0.2.7:1234"], "192.0.2.7"),
            ("10.0.0.1", &["[2001:db8::7]:1234"], "2001:db8::7"),
            ("10.0.0.1", &["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7", "10.0.0.2,10.0.0.3"], "192.0.2.7"),
            // Without a word about a client the proxy itself is one.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ] {
            assert_eq!(seen(peer, lines).as_deref(), Some(client), "{lines:?}");
        }
    }

    #[test]
    fn what_a_client_makes_up_counts_for_nothing() {
        for (peer, lines, client) in [
            ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["garbage,, 192.0.2.7"], "192.0.2.7"),
        ] {
            assert_eq!(seen(peer, lines).as_deref(), Some(client), "{lines:?}");
        }
    }

    #[test]
    fn a_client_that_a_proxy_does_not_name_is_unknown() {
        for line in ["unknown", "", "192.0.2.7 192.0.2.8", "192.0.2.7,", "\u{e9}"] {
            assert_eq!(seen("10.0.0.1", &[line]), None, "{line:?}");
        }
    }
}
