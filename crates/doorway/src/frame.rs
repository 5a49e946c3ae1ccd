//! What goes around every answer of an HTTP door: its id, its line in the log, what browsers on
//! other pages may read of it, and how a refusal becomes a problem.

use std::sync::Arc;

use call::Code;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use web::Response;
use web::cors::Cors;

use crate::credentials::Credentials;
use crate::failure::Refusal;
use crate::trace::{self, Ids, Line, X_REQUEST_ID};

/// The frame of one door.
#[derive(Debug)]
pub struct Frame {
    pub credentials: Arc<Credentials>,
    pub cors: Cors,
    ids: Ids,
}

impl Frame {
    pub fn new(credentials: Arc<Credentials>, cors: Cors) -> Frame {
        Frame {
            credentials,
            cors,
            ids: Ids::new(),
        }
    }

    /// The id of a request.
    pub fn id(&self, headers: &HeaderMap) -> HeaderValue {
        self.ids.of(headers)
    }

    /// Turns a refusal into its answer, and tells the log what the client must not know.
    /// `message`: for clients that look for the detail under that name, too.
    pub fn refuse(
        &self,
        refusal: Refusal,
        head: &Parts,
        id: &HeaderValue,
        message: bool,
    ) -> Response {
        if let Some((cause, code)) = refusal.cause() {
            let id = trace::shown(id);
            if code == Code::Internal {
                tracing::error!(id, cause, "a request failed");
            } else {
                tracing::warn!(id, cause, "a request was refused");
            }
        }
        let problem = refusal
            .into_problem(&self.credentials)
            .instance(head.uri.path());
        match message {
            true => problem.with_message().respond(),
            false => problem.respond(),
        }
    }

    /// Finishes an answer.
    pub fn close(&self, response: &mut Response, line: &mut Line<'_>) {
        web::compress::compress(&line.head.headers, response);
        self.cors.mark(&line.head.headers, response);
        let id = line.id.clone();
        response.headers_mut().insert(X_REQUEST_ID, id);
        line.status = Some(response.status().as_u16());
    }

    /// Finishes an answer that the kit gave in the door's place.
    pub fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        let id = self.ids.of(headers);
        self.cors.mark(headers, response);
        let status = response.status().as_u16();
        let shown = trace::shown(&id);
        tracing::info!(status, id = shown, "answered in place of the API");
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
}
