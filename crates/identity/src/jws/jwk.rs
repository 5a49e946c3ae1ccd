//! Public keys as JSON (RFC 7517, 7518 §6, 8037), their thumbprints (RFC 7638), and what they
//! verify.

use aws_lc_rs::signature::{self, ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Algorithm, Compact};

/// A public key as JSON. One with a private member is no such key.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwk {
    pub kid: Option<String>,
    pub alg: Option<String>,
    /// `use`: `sig`, `enc`.
    pub purpose: Option<String>,
    material: Material,
}

/// What the key is: the members that its thumbprint is made of, in the order of RFC 7638 §3.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Material {
    Ec {
        crv: &'static str,
        kty: &'static str,
        x: String,
        y: String,
    },
    Okp {
        crv: &'static str,
        kty: &'static str,
        x: String,
    },
    Rsa {
        e: String,
        kty: &'static str,
        n: String,
    },
}

/// A key that verifies with one algorithm.
#[derive(Clone, Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

/// Bytes of an RSA modulus: 2,048 to 8,192 bits. Larger ones take long to verify with.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Bytes of an RSA exponent. Practically all keys have 65,537; a long one takes long.
const EXPONENT_BYTES_MAX: usize = 4;

impl Jwk {
    /// `None` when it is no public key that anything here could use.
    pub fn read(json: &serde_json::Value) -> Option<Jwk> {
        #[derive(Deserialize)]
        struct Members {
            kty: String,
            crv: Option<String>,
            x: Option<String>,
            y: Option<String>,
            n: Option<String>,
            e: Option<String>,
            kid: Option<String>,
            alg: Option<String>,
            #[serde(rename = "use")]
            purpose: Option<String>,
        }
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if private.iter().any(|member| json.get(member).is_some()) {
            return None;
        }
        let members = Members::deserialize(json).ok()?;
        let material = match (members.kty.as_str(), members.crv.as_deref()) {
            ("EC", Some(curve)) => Material::Ec {
                crv: ["P-256", "P-384", "P-521"]
                    .into_iter()
                    .find(|known| *known == curve)?,
                kty: "EC",
                x: members.x?,
                y: members.y?,
            },
            ("OKP", Some("Ed25519")) => Material::Okp {
                crv: "Ed25519",
                kty: "OKP",
                x: members.x?,
            },
            ("RSA", _) => Material::Rsa {
                e: members.e?,
                kty: "RSA",
                n: members.n?,
            },
            _ => return None,
        };
        Some(Jwk {
            kid: members.kid,
            alg: members.alg,
            purpose: members.purpose,
            material,
        })
    }

    pub(super) fn ec(curve: &'static str, x: &[u8], y: &[u8]) -> Jwk {
        Jwk::of(Material::Ec {
            crv: curve,
            kty: "EC",
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        })
    }

    pub(super) fn ed25519(x: &[u8]) -> Jwk {
        Jwk::of(Material::Okp {
            crv: "Ed25519",
            kty: "OKP",
            x: URL_SAFE_NO_PAD.encode(x),
        })
    }

    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Jwk {
        Jwk::of(Material::Rsa {
            e: URL_SAFE_NO_PAD.encode(exponent),
            kty: "RSA",
            n: URL_SAFE_NO_PAD.encode(modulus),
        })
    }

    fn of(material: Material) -> Jwk {
        Jwk {
            kid: None,
            alg: None,
            purpose: None,
            material,
        }
    }

    /// SHA-256 of its canonical form (RFC 7638), in base64url.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.canonical()))
    }

    /// The members that make the key, without white space, in lexical order.
    pub fn canonical(&self) -> String {
        serde_json::to_string(&self.material).expect("texts can be written as JSON")
    }

    /// With which algorithms it can be used, if its own `alg` does not say which.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512};
        let fits = match (&self.material, algorithm) {
            (Material::Ec { crv, .. }, Es256) => *crv == "P-256",
            (Material::Ec { crv, .. }, Es384) => *crv == "P-384",
            (Material::Ec { crv, .. }, Es512) => *crv == "P-521",
            (Material::Okp { .. }, EdDsa) => true,
            (Material::Rsa { .. }, other) => !matches!(other, Es256 | Es384 | Es512 | EdDsa),
            _ => false,
        };
        let own = self.alg.as_deref();
        let said = own.is_none_or(|own| Algorithm::named(own) == Some(algorithm));
        let signs = self
            .purpose
            .as_deref()
            .is_none_or(|purpose| purpose == "sig");
        fits && said && signs
    }

    /// The key for one algorithm; `None` when it is none for that.
    pub fn key(&self, algorithm: Algorithm) -> Option<PublicKey> {
        if !self.fits(algorithm) {
            return None;
        }
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let parsed = match &self.material {
            Material::Ec { crv, x, y, .. } => {
                let size = match *crv {
                    "P-256" => 32,
                    "P-384" => 48,
                    _ => 66,
                };
                let (x, y) = (decoded(x)?, decoded(y)?);
                if x.len() != size || y.len() != size {
                    return None;
                }
                // SEC 1 §2.3.3: uncompressed.
                let point = [&[4], &*x, &*y].concat();
                ParsedPublicKey::new(plain(algorithm)?, point).ok()?
            }
            Material::Okp { x, .. } => {
                let x = decoded(x)?;
                if x.len() != 32 {
                    return None;
                }
                ParsedPublicKey::new(plain(algorithm)?, x).ok()?
            }
            Material::Rsa { n, e, .. } => {
                let (n, e) = (decoded(n)?, decoded(e)?);
                if !MODULUS_BYTES.contains(&n.len()) || e.len() > EXPONENT_BYTES_MAX {
                    return None;
                }
                let components = RsaPublicKeyComponents { n, e };
                components.to_parsed_public_key(rsa(algorithm)?).ok()?
            }
        };
        Some(PublicKey { algorithm, parsed })
    }
}

impl PublicKey {
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the text was signed with this key. What its header says must agree, and decides
    /// nothing.
    pub fn verify(&self, text: &Compact<'_>) -> bool {
        Algorithm::named(&text.header.alg) == Some(self.algorithm)
            && self
                .parsed
                .verify_sig(text.signed.as_bytes(), &text.signature)
                .is_ok()
    }
}

fn plain(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &signature::ED25519,
        _ => return None,
    })
}

fn rsa(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
