//! What an issuer says of itself (OpenID Connect Discovery §3, RFC 8414 §2).

use std::sync::Arc;

use serde::Deserialize;

use super::{Fetch, fetched};

/// The part of it that is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    pub issuer: String,
    pub jwks_uri: Option<String>,
    pub authorization_endpoint: Option<String>,
    pub token_endpoint: Option<String>,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Fetches it: of an OpenID provider, or else of an authorization server.
///
/// # Errors
/// Why there is none, in a sentence.
pub async fn metadata(fetch: &Arc<dyn Fetch>, issuer: &str) -> Result<Metadata, String> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let openid = fetched(fetch, &format!("{base}/.well-known/openid-configuration")).await;
    let found: Metadata = match openid {
        Ok(found) => found,
        // RFC 8414 §3.1 puts it before the path.
        Err(why) => match fetched(fetch, &well_known(base)).await {
            Ok(found) => found,
            Err(_) => return Err(why),
        },
    };
    // RFC 8414 §3.3: else one could speak for another.
    if found.issuer == issuer {
        Ok(found)
    } else {
        Err(format!(
            "the metadata of `{issuer}` says to be of `{}`",
            found.issuer
        ))
    }
}

fn well_known(base: &str) -> String {
    let start = base.find("://").map_or(0, |at| at + 3);
    let path = base[start..].find('/').map_or(base.len(), |at| start + at);
    let (origin, path) = base.split_at(path);
    format!("{origin}/.well-known/oauth-authorization-server{path}")
}

#[cfg(test)]
mod tests {
    use super::well_known;

    #[test]
    fn it_stands_before_the_path() {
        for (issuer, expected) in [
            (
                "https://a.example",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/t/1",
                "https://a.example/.well-known/oauth-authorization-server/t/1",
            ),
        ] {
            assert_eq!(well_known(issuer), expected);
        }
    }
}
