//! The places where requests come in, as the settings name them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use frontdesk::web::origin::Origin;
use frontdesk::web::tls::Tls;
use frontdesk::{Error, Listeners};
use tokio::net::TcpListener;

use super::Trouble;
use crate::config::Config;

/// The places where requests come in, and what is said of them.
pub struct Doors {
    pub listeners: Listeners,
    /// Where the public one is, and the private one if there is one.
    pub address: SocketAddr,
    pub private: Option<SocketAddr>,
    /// Where the API is reached from outside.
    pub origin: Origin,
    /// Where one's own services reach it.
    pub private_origin: Option<Origin>,
}

impl Doors {
    /// Opens them. `strict` where browsers are told never to come without TLS again.
    pub fn open(config: &Config, strict: bool) -> Result<Doors, Trouble> {
        let at = |listener: &TcpListener| {
            let address = listener.local_addr();
            address.map_err(|error| Trouble::Wrong(error.to_string(), None))
        };
        let public = frontdesk::listen(&config.listen.value)?;
        let private = config.private_listen.value.as_deref();
        let private = private.map(frontdesk::listen).transpose()?;
        let address = at(&public)?;
        let private_at = private.as_ref().map(at).transpose()?;
        let tls = config.transport.tls(&config.data.value);
        let tls = tls.map_err(Error::Tls)?;
        let tls = if strict { tls.map(Tls::strict) } else { tls };
        let here = |address| Origin::of(reachable(address), tls.is_some());
        let origin = config.transport.origin();
        Ok(Doors {
            origin: origin.unwrap_or_else(|| here(address)),
            private_origin: private_at.map(here),
            address,
            private: private_at,
            listeners: Listeners {
                public,
                private,
                tls,
            },
        })
    }

    pub fn is_plain(&self) -> bool {
        self.listeners.tls.is_none()
    }

    /// What is spoken at its listeners.
    pub fn scheme(&self) -> &'static str {
        if self.is_plain() { "http" } else { "https" }
    }
}

/// Where what listens here can be reached from this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
