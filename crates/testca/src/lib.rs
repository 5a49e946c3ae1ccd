//! For tests: authorities, the certificates they sign, and clients that trust them.
//!
//! ```
//! let authority = testca::Authority::new("ours");
//! let server = authority.server(&["localhost", "127.0.0.1"]);
//! let config = testca::client(&[&authority], Some(&authority.client("billing", &["billing.internal"])));
//! assert!(server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
//! assert!(config.alpn_protocols.is_empty());
//! ```

#![allow(
    clippy::unwrap_used,
    reason = "everything here is for tests, which may panic"
)]

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Somebody who signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and that of whoever has signed it.
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Authority { issuer, pem }
    }

    /// Its own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// For a server with these names or addresses.
    pub fn server(&self, names: &[&str]) -> Identity {
        self.sign(params("server", names, ExtendedKeyUsagePurpose::ServerAuth))
    }

    /// For a client with this common name, and with these alternative names: hosts, URIs, e-mail
    /// addresses.
    pub fn client(&self, name: &str, names: &[&str]) -> Identity {
        self.sign(params(name, names, ExtendedKeyUsagePurpose::ClientAuth))
    }

    /// The same, over since long.
    pub fn expired(&self, identity: Kind, name: &str) -> Identity {
        let mut params = match identity {
            Kind::Server => params("server", &[name], ExtendedKeyUsagePurpose::ServerAuth),
            Kind::Client => params(name, &[], ExtendedKeyUsagePurpose::ClientAuth),
        };
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 2, 1);
        self.sign(params)
    }

    /// What somebody with a key of their own asks for; `old` if most of its life is over. With the
    /// names asked for.
    ///
    /// # Panics
    /// When it is no request, or not signed by the key in it.
    pub fn grant(&self, request: &[u8], old: bool) -> (Vec<String>, String) {
        let mut request = CertificateSigningRequestParams::from_der(&request.into()).unwrap();
        if old {
            request.params.not_before = date_time_ymd(1970, 1, 2);
            request.params.not_after = date_time_ymd(2050, 1, 1);
        }
        let names = request
            .params
            .subject_alt_names
            .iter()
            .map(|name| match name {
                SanType::DnsName(name) => name.as_str().to_owned(),
                other => panic!("{other:?} is no host"),
            });
        let names = names.collect();
        let certificate = request.signed_by(&self.issuer).unwrap();
        (names, certificate.pem() + &self.pem)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem() + &self.pem,
            key: key.serialize_pem(),
        }
    }
}

/// Whom a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Server,
    Client,
}

fn params(name: &str, names: &[&str], usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![usage];
    params.subject_alt_names = names
        .iter()
        .map(|name| {
            if let Ok(address) = name.parse::<IpAddr>() {
                SanType::IpAddress(address)
            } else if name.contains(':') {
                SanType::URI((*name).try_into().unwrap())
            } else if name.contains('@') {
                SanType::Rfc822Name((*name).try_into().unwrap())
            } else {
                SanType::DnsName((*name).try_into().unwrap())
            }
        })
        .collect();
    params
}

/// What a client needs that trusts these authorities, and shows this of itself. It asks for no
/// protocol.
pub fn client(trusted: &[&Authority], shown: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        let der = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
        roots.add(der).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match shown {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
            let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}
