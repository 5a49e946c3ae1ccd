//! Pages and documents beside the API: bytes that are ready, under fixed paths.
//!
//! Knows nothing of what they say. Whoever makes them puts them in with [`Documents::add`].

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use call::{Caller, Code, Failure};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use model::Audience;
use web::headers::{NOTHING_RUNS, protect_data, protect_page};
use web::media::Coding;
use web::{Body, Response};

use crate::failure::Refusal;
use crate::response::tag::Tag;

/// May be kept by anybody, and is asked about before it is used again.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// The same for what not everybody may see.
const REVALIDATE_PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What is served beside the API.
#[derive(Debug, Default)]
pub struct Documents {
    by_path: HashMap<Box<str>, Vec<Document>>,
}

/// One document, in one or more media types.
#[derive(Debug)]
pub struct Document {
    path: Box<str>,
    audience: Audience,
    signed_in: bool,
    policy: HeaderValue,
    media: Vec<&'static str>,
    forms: Vec<Form>,
}

struct Form {
    content_type: HeaderValue,
    make: Box<dyn Fn() -> Bytes + Send + Sync>,
    /// Made when first asked for: a large contract is described in megabytes, and most servers
    /// are never asked.
    plain: OnceLock<Plain>,
    /// Made when first asked for, since few documents are asked for in every coding.
    gzip: OnceLock<Option<Coded>>,
    brotli: OnceLock<Option<Coded>>,
}

/// The contents without a coding.
#[derive(Debug)]
struct Plain {
    coded: Coded,
    tag: Tag,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Form").field(&self.content_type).finish()
    }
}

/// Bytes to be sent, and the tag they have.
#[derive(Debug, Clone)]
struct Coded {
    bytes: Bytes,
    tag: HeaderValue,
}

impl Documents {
    /// Adds a document. Several under one path are editions for different audiences: a caller gets
    /// the one for the most trusted audience that includes the caller.
    pub fn add(&mut self, document: Document) {
        let editions = self.by_path.entry(document.path.clone()).or_default();
        editions.push(document);
        editions.sort_by_key(|edition| std::cmp::Reverse(edition.audience));
    }

    pub fn contains(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The editions under a path.
    pub(crate) fn find(&self, path: &str) -> Option<Editions<'_>> {
        self.by_path.get(path).map(|editions| Editions { editions })
    }
}

/// What there is under one path.
#[derive(Clone, Copy)]
pub(crate) struct Editions<'a> {
    editions: &'a [Document],
}

impl Editions<'_> {
    /// Whether everybody gets the same.
    pub fn is_public(&self) -> bool {
        matches!(self.editions, [only] if only.audience == Audience::Public && !only.signed_in)
    }

    /// Answers a GET or HEAD.
    pub fn respond(&self, head: &Parts, caller: &Caller) -> Result<Response, Refusal> {
        let audience = caller.served_audience();
        let Some(edition) = self
            .editions
            .iter()
            .find(|edition| edition.audience <= audience)
        else {
            return Err(Failure::new(Code::NotFound, "There is nothing here.").into());
        };
        if edition.signed_in && caller.is_guest() {
            let detail = "The documents of this API are for its callers; send a key.";
            return Err(Failure::new(Code::Unauthenticated, detail).into());
        }
        edition.respond(&head.headers, self.is_public())
    }
}

impl Document {
    /// A document for everybody, without contents yet.
    pub fn new(path: impl Into<Box<str>>) -> Document {
        Document {
            path: path.into(),
            audience: Audience::Public,
            signed_in: false,
            policy: NOTHING_RUNS,
            media: Vec::new(),
            forms: Vec::new(),
        }
    }

    /// Adds contents in a media type, given in lower case and without parameters. Those added first
    /// are preferred.
    pub fn form(self, media: &'static str, bytes: impl Into<Bytes>) -> Document {
        let bytes = bytes.into();
        self.form_made(media, move || bytes.clone())
    }

    /// The same with contents that are made when somebody asks for them first.
    pub fn form_made(
        mut self,
        media: &'static str,
        make: impl Fn() -> Bytes + Send + Sync + 'static,
    ) -> Document {
        let content_type = match media.strip_prefix("text/") {
            Some(_) => HeaderValue::try_from(format!("{media}; charset=utf-8"))
                .expect("media types are visible ASCII"),
            None => HeaderValue::from_static(media),
        };
        self.media.push(media);
        self.forms.push(Form {
            content_type,
            make: Box::new(make),
            plain: OnceLock::new(),
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
        });
        self
    }

    /// Restricts the document to an audience.
    pub fn audience(mut self, audience: Audience) -> Document {
        self.audience = audience;
        self
    }

    /// Refuses guests.
    pub fn signed_in(mut self) -> Document {
        self.signed_in = true;
        self
    }

    /// The Content-Security-Policy of the HTML form; without it nothing may run or load.
    pub fn policy(mut self, policy: HeaderValue) -> Document {
        self.policy = policy;
        self
    }

    fn respond(&self, headers: &HeaderMap, public: bool) -> Result<Response, Refusal> {
        // A page is better than a refusal, and there is nothing to misunderstand in it.
        let place = web::media::accept(headers, &self.media).unwrap_or(0);
        let Some(form) = self.forms.get(place) else {
            return Err(Failure::new(Code::NotFound, "There is nothing here.").into());
        };
        let mut response = match form.plain().tag.consider(headers)? {
            Some(not_modified) => not_modified,
            None => form.respond(headers),
        };
        let fields = response.headers_mut();
        fields.insert(
            CACHE_CONTROL,
            if public {
                REVALIDATE
            } else {
                REVALIDATE_PRIVATE
            },
        );
        fields.insert(
            VARY,
            HeaderValue::from_static(if public {
                "Accept, Accept-Encoding"
            } else {
                "Accept, Accept-Encoding, Authorization"
            }),
        );
        if self.media[place] == "text/html" {
            protect_page(fields, self.policy.clone());
        } else {
            protect_data(fields);
        }
        Ok(response)
    }
}

impl Form {
    fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| {
            let bytes = (self.make)();
            let tag = Tag::content(&bytes);
            let coded = Coded {
                bytes,
                tag: tag.header(),
            };
            Plain { coded, tag }
        })
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        let coding = web::media::Codings::of(headers).best();
        let coded = match coding {
            Coding::Identity => None,
            Coding::Gzip => self.gzip.get_or_init(|| self.code(coding)).as_ref(),
            Coding::Brotli => self.brotli.get_or_init(|| self.code(coding)).as_ref(),
        };
        let mut response = self.with(coded.unwrap_or(&self.plain().coded));
        if coded.is_some() {
            let name = HeaderValue::from_static(coding.name());
            response.headers_mut().insert(CONTENT_ENCODING, name);
        }
        response
    }

    fn with(&self, coded: &Coded) -> Response {
        let mut response = Response::new(Body::from(coded.bytes.clone()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(ETAG, coded.tag.clone());
        response
    }

    /// The contents in a coding, if that is worth while.
    fn code(&self, coding: Coding) -> Option<Coded> {
        let mut wish = HeaderMap::new();
        wish.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding.name()));
        let mut response = self.with(&self.plain().coded);
        web::compress::compress(&wish, &mut response);
        response.headers().get(CONTENT_ENCODING)?;
        let tag = response.headers().get(ETAG)?.clone();
        let bytes = Bytes::copy_from_slice(response.body().bytes()?);
        Some(Coded { bytes, tag })
    }
}

#[cfg(test)]
mod tests {
    use call::CallerKind;
    use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderName, IF_NONE_MATCH};

    use super::*;

    fn ask(
        documents: &Documents,
        path: &str,
        caller: &Caller,
        fields: &[(HeaderName, &str)],
    ) -> Result<Response, String> {
        let mut builder = http::Request::builder().uri(path);
        for (name, value) in fields {
            builder = builder.header(name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        let editions = documents.find(path).ok_or("nothing")?;
        editions
            .respond(&head, caller)
            .map_err(|refusal| refusal.problem().code().to_owned())
    }

    fn text(response: &Response) -> &str {
        std::str::from_utf8(response.body().bytes().unwrap()).unwrap()
    }

    #[test]
    fn forms_are_negotiated_and_never_refused() {
        let mut documents = Documents::default();
        documents.add(
            Document::new("/p")
                .form("text/html", "<p>")
                .form("application/json", "{}"),
        );
        let guest = Caller::guest();
        for (accept, body, media) in [
            ("*/*", "<p>", "text/html; charset=utf-8"),
            ("application/json", "{}", "application/json"),
            ("image/png", "<p>", "text/html; charset=utf-8"),
        ] {
            let response = ask(&documents, "/p", &guest, &[(ACCEPT, accept)]).unwrap();
            assert_eq!(text(&response), body, "{accept}");
            assert_eq!(response.headers()[CONTENT_TYPE], media);
            let is_page = response.headers().contains_key(CONTENT_SECURITY_POLICY);
            assert_eq!(is_page, body == "<p>");
        }
        assert_eq!(ask(&documents, "/q", &guest, &[]).unwrap_err(), "nothing");
    }

    #[test]
    fn codings_have_their_own_tags() {
        let mut documents = Documents::default();
        let long = "word ".repeat(1000);
        documents.add(Document::new("/d").form("text/plain", long.clone()));
        let guest = Caller::guest();
        let get = |fields: &[(HeaderName, &str)]| ask(&documents, "/d", &guest, fields).unwrap();
        let plain = get(&[]);
        let tag = plain.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(text(&plain), long);
        for _ in 0..2 {
            let coded = get(&[(ACCEPT_ENCODING, "gzip")]);
            assert_eq!(coded.headers()[CONTENT_ENCODING], "gzip");
            assert!(coded.body().len() < plain.body().len());
            let coded_tag = coded.headers()[ETAG].to_str().unwrap();
            assert_eq!(coded_tag, format!("{}-gzip\"", tag.trim_end_matches('"')));
            let again = get(&[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, coded_tag)]);
            assert_eq!(again.status(), 304);
        }
        assert_eq!(get(&[(IF_NONE_MATCH, &tag)]).status(), 304);
    }

    #[test]
    fn editions_follow_the_audience() {
        let mut documents = Documents::default();
        documents.add(Document::new("/d").form("text/plain", "public"));
        let private = Document::new("/d").form("text/plain", "private");
        documents.add(private.audience(Audience::Private));
        documents.add(Document::new("/s").form("text/plain", "s").signed_in());
        let partner = Document::new("/x").form("text/plain", "x");
        documents.add(partner.audience(Audience::Partner));

        let guest = Caller::guest();
        let key = |audience| Caller {
            kind: CallerKind::Key { id: "k".to_owned() },
            audience,
            ..Caller::guest()
        };
        let operator = Caller {
            kind: CallerKind::Operator { id: "o".to_owned() },
            ..Caller::guest()
        };
        for (path, caller, expected) in [
            ("/d", &guest, Ok("public")),
            ("/d", &key(Audience::Partner), Ok("public")),
            ("/d", &key(Audience::Private), Ok("private")),
            ("/d", &operator, Ok("private")),
            ("/s", &guest, Err("unauthenticated")),
            ("/s", &key(Audience::Public), Ok("s")),
            ("/x", &guest, Err("not_found")),
            ("/x", &key(Audience::Private), Ok("x")),
        ] {
            let found = ask(&documents, path, caller, &[]);
            let found = found.as_ref().map(text).map_err(String::as_str);
            assert_eq!(found, expected, "{path}");
        }
    }
}
