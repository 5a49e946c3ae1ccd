//! Private keys: made, kept as PKCS #8, signing.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use zeroize::Zeroizing;

use super::{Algorithm, Jwk};

/// A key that signs. Parsed once: that takes longer than to sign.
#[derive(Debug)]
pub enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

impl Pair {
    /// Those that a pair can be made for.
    pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

    /// A new one, with its PKCS #8. For RSA (2,048 bits) that takes a good part of a second.
    /// `None` for an algorithm that nothing is signed with here, or when the system refuses.
    pub fn generate(algorithm: Algorithm) -> Option<(Pair, Zeroizing<Vec<u8>>)> {
        let random = SystemRandom::new();
        let pkcs8 = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .ok()?
                    .as_ref()
                    .to_vec()
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random)
                .ok()?
                .as_ref()
                .to_vec(),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .ok()?
                .as_der()
                .ok()?
                .as_ref()
                .to_vec(),
            _ => return None,
        };
        let pkcs8 = Zeroizing::new(pkcs8);
        Some((Pair::from_pkcs8(algorithm, &pkcs8)?, pkcs8))
    }

    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Option<Pair> {
        Some(match algorithm {
            Algorithm::Es256 => {
                Pair::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?)
            }
            Algorithm::EdDsa => Pair::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8).ok()?),
            Algorithm::Rs256 => Pair::Rs256(Box::new(RsaKeyPair::from_pkcs8(pkcs8).ok()?)),
            _ => return None,
        })
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Pair::Es256(_) => Algorithm::Es256,
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Its public half.
    pub fn public(&self) -> Jwk {
        match self {
            Pair::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                Jwk::ec("P-256", x, y)
            }
            Pair::EdDsa(pair) => Jwk::ed25519(pair.public_key().as_ref()),
            Pair::Rs256(pair) => {
                let key = pair.public_key();
                Jwk::rsa(
                    key.modulus().big_endian_without_leading_zero(),
                    key.exponent().big_endian_without_leading_zero(),
                )
            }
        }
    }

    /// The signature of a message, as RFC 7518 §3 writes it.
    pub fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        Some(match self {
            Pair::Es256(pair) => pair.sign(&random, message).ok()?.as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.try_sign(message).ok()?.as_ref().to_vec(),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .ok()?;
                signature
            }
        })
    }
}
