//! What a request proves to hold: a key by a DPoP proof (RFC 9449), a certificate by its
//! connection (RFC 8705).

use http::HeaderName;
use identity::dpop::{DpopRefused, For, certificate_thumbprint};
use identity::tokens::Binding;
use value::Timestamp;
use web::Request;

use crate::Door;
use crate::refusal::Refused;

const DPOP: HeaderName = HeaderName::from_static("dpop");

impl Door {
    /// The thumbprint of the key that a request proves to hold, if it says to hold one. `token`:
    /// the access token that is sent along.
    pub fn proved_key(
        &self,
        request: &Request,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, Refused> {
        let mut sent = request.headers().get_all(DPOP).iter();
        let Some(proof) = sent.next() else {
            return Ok(None);
        };
        if sent.next().is_some() {
            return Err(Refused::new(
                "invalid_dpop_proof",
                "there is more than one DPoP proof",
            ));
        }
        let url = self.url(request.path());
        let wanted = For {
            method: request.method().as_str(),
            url: &url,
            token,
            nonce: false,
        };
        let text = proof.to_str().unwrap_or_default();
        match self.parts.dpop.verify(text, wanted, now) {
            Ok(proof) => Ok(Some(proof.jkt)),
            Err(refused @ DpopRefused::Nonce) => {
                Err(Refused::new("use_dpop_nonce", refused.sentence())
                    .with_nonce(self.parts.dpop.nonce(now)))
            }
            Err(refused) => Err(Refused::new("invalid_dpop_proof", refused.sentence())),
        }
    }

    /// All that a request proves to hold.
    pub fn proved(
        &self,
        request: &Request,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Binding, Refused> {
        let certificate = request.certificate.as_ref();
        Ok(Binding {
            jkt: self.proved_key(request, token, now)?,
            certificate: certificate.map(|shown| certificate_thumbprint(&shown.thumbprint)),
        })
    }
}
