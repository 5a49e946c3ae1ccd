//! What this server offers apps (RFC 8414, OpenID Connect Discovery, RFC 9728), and its keys.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use identity::{client_assertion, clients, dpop};
use serde_json::{Value as Json, json};
use value::Timestamp;
use web::Response;
use web::headers::protect_data;

use crate::Door;
use crate::answer;
use crate::userinfo::PROFILE;

pub const AUTHORIZE: &str = "/oauth2/authorize";
pub const TOKEN: &str = "/oauth2/token";
pub const PUSH: &str = "/oauth2/par";
pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device_authorization";
pub const INTROSPECT: &str = "/oauth2/introspect";
pub const REVOKE: &str = "/oauth2/revoke";
pub const USER_INFO: &str = "/oauth2/userinfo";
pub const LOGOUT: &str = "/oauth2/logout";
pub const CONSENT: &str = "/consent";
pub const DEVICE: &str = "/device";
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
pub const OPENID: &str = "/.well-known/openid-configuration";
pub const RESOURCE: &str = "/.well-known/oauth-protected-resource";
pub const KEY_SET: &str = "/.well-known/jwks.json";

/// As long as the key set: [`identity::signing::KEY_SET_MAX_AGE`].
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=900");

impl Door {
    pub fn metadata(&self) -> Response {
        let people = self.parts.people.is_some();
        let mut ways = vec![
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ];
        if self.parts.certificates {
            ways.extend(["tls_client_auth", "self_signed_tls_client_auth"]);
        }
        let confidential = ways.clone();
        ways.push("none");
        let mut grants = vec!["client_credentials"];
        if people {
            grants.extend([
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ]);
        }
        let algorithms = |all: &[identity::jws::Algorithm]| -> Vec<&'static str> {
            all.iter().map(|one| one.name()).collect()
        };
        let assertions = algorithms(&client_assertion::ALGORITHMS);
        let mut document = json!({
            "issuer": self.parts.tokens.settings().issuer,
            "token_endpoint": self.url(TOKEN),
            "jwks_uri": self.url(KEY_SET),
            "introspection_endpoint": self.url(INTROSPECT),
            "revocation_endpoint": self.url(REVOKE),
            "scopes_supported": self.scopes(),
            "response_types_supported": if people { vec!["code"] } else { vec![] },
            "response_modes_supported": ["query"],
            "grant_types_supported": grants,
            "token_endpoint_auth_methods_supported": ways,
            "token_endpoint_auth_signing_alg_values_supported": assertions,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": assertions,
            "revocation_endpoint_auth_methods_supported": ways,
            "revocation_endpoint_auth_signing_alg_values_supported": assertions,
            "dpop_signing_alg_values_supported": algorithms(&dpop::ALGORITHMS),
            "tls_client_certificate_bound_access_tokens": self.parts.certificates,
            "code_challenge_methods_supported": ["S256"],
            "protected_resources": [self.resource()],
        });
        if people && let Some(members) = document.as_object_mut() {
            let claims: Vec<&str> = ["sub", "email", "email_verified"]
                .into_iter()
                .chain(PROFILE)
                .collect();
            let more = json!({
                "authorization_endpoint": self.url(AUTHORIZE),
                "pushed_authorization_request_endpoint": self.url(PUSH),
                "device_authorization_endpoint": self.url(DEVICE_AUTHORIZATION),
                "userinfo_endpoint": self.url(USER_INFO),
                "end_session_endpoint": self.url(LOGOUT),
                "authorization_response_iss_parameter_supported": true,
                "require_pushed_authorization_requests": false,
                "request_parameter_supported": false,
                "request_uri_parameter_supported": false,
                "claims_parameter_supported": false,
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported":
                    algorithms(&self.parts.signing.settings().algorithms),
                "claims_supported": claims,
                "prompt_values_supported": ["none", "login", "consent", "select_account"],
                "ui_locales_supported": ["en", "de"],
                "backchannel_logout_supported": true,
                "backchannel_logout_session_supported": true,
            });
            if let Json::Object(more) = more {
                members.extend(more);
            }
        }
        kept(answer::keepable(StatusCode::OK, &document))
    }

    /// Of the one resource there is, at its own path.
    pub fn resource_metadata(&self, path: &str) -> Response {
        let place = path.strip_prefix(RESOURCE).unwrap_or_default();
        let own = self.resource().strip_prefix(self.issuer());
        let own = own.unwrap_or_default().trim_end_matches('/');
        // At the bare path too: it is the only one of this host.
        if !place.is_empty() && place != own {
            return answer::bare(StatusCode::NOT_FOUND);
        }
        let document = json!({
            "resource": self.resource(),
            "authorization_servers": [self.parts.tokens.settings().issuer],
            "jwks_uri": self.url(KEY_SET),
            "scopes_supported": self.parts.model.scopes(),
            "bearer_methods_supported": ["header"],
            "resource_name": self.parts.model.title,
            "dpop_signing_alg_values_supported":
                dpop::ALGORITHMS.iter().map(|one| one.name()).collect::<Vec<_>>(),
            "tls_client_certificate_bound_access_tokens": self.parts.certificates,
        });
        kept(answer::keepable(StatusCode::OK, &document))
    }

    pub fn key_set(&self, now: Timestamp) -> Response {
        let mut response = Response::new(self.parts.signing.key_set(now).into());
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("application/jwk-set+json");
        headers.insert(CONTENT_TYPE, media);
        protect_data(headers);
        kept(response)
    }

    fn scopes(&self) -> Vec<String> {
        let mut all = self.parts.model.scopes();
        if self.parts.people.is_some() {
            all.extend(clients::OPENID.map(str::to_owned));
        }
        all
    }
}

fn kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, KEPT);
    response
}
