//! What is served beside the API: the OpenAPI document, the reference, the first page, pages
//! about problems.
//!
//! Put together anew for every model. The descriptions, which are large, are written when they
//! are first asked for; requests after that only copy. Whoever may see them is what `docs:` says; pages about problems are for everybody, since every refusal points there.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::HeaderValue;
use model::{Audience, DocsAccess, Model};
use rest::{Document, Documents};
use serde_json::Value as Json;
use surface::openapi::Limits;
use surface::pages::{self, ProblemKind};

/// What browsers ask for by themselves.
const FAVICON_PATH: &str = "/favicon.ico";
const SVG: &str = "image/svg+xml";
const HTML: &str = "text/html";
const JSON: &str = "application/json";

/// Files of the reference, unpacked once for all models.
static ASSETS: LazyLock<Vec<(docs_ui::Asset, Bytes)>> = LazyLock::new(|| {
    let unpack = |asset: docs_ui::Asset| (asset, Bytes::from(asset.contents().into_owned()));
    docs_ui::ASSETS.into_iter().map(unpack).collect()
});

/// The OpenAPI document, with only what the audience is served.
pub fn openapi(model: &Model, audience: Audience) -> Json {
    let limits = Limits {
        page_default: engine::PAGE_DEFAULT,
        page_max: engine::PAGE_MAX,
        in_max: engine::IN_MAX,
        sort_max: engine::SORT_MAX,
        words_chars_max: engine::WORDS_CHARS_MAX,
        includes_max: engine::INCLUDES_MAX,
        patch_operations_max: engine::PATCH_OPERATIONS_MAX,
        batch_max: engine::BATCH_MAX,
        conditions_max: engine::CONDITIONS_MAX,
        condition_depth_max: engine::CONDITION_DEPTH_MAX,
        condition_values_max: engine::CONDITION_VALUES_MAX,
    };
    surface::openapi::document(model, audience, &limits)
}

/// Everything there is for a model. `origin` is where it is served, for commands to copy.
pub(crate) fn of(model: &Arc<Model>, origin: &str) -> Documents {
    let mut documents = Documents::default();
    problems(model, &mut documents);
    documents.add(file(pages::STYLE_PATH, "text/css", pages::STYLE));
    documents.add(file(pages::ICON_PATH, SVG, pages::ICON));
    documents.add(file(FAVICON_PATH, SVG, pages::ICON));
    if model.docs == DocsAccess::Off {
        return documents;
    }
    let guarded = |document: Document| match model.docs {
        DocsAccess::SignedIn => document.signed_in(),
        DocsAccess::Public | DocsAccess::Off => document,
    };
    let json_path = format!("{}/openapi.json", model.base);
    let yaml_path = format!("{}/openapi.yaml", model.base);
    for audience in audiences(model) {
        let landing = pages::landing(model, audience, origin);
        // Each is described anew when it is first asked for, which is seldom, instead of being
        // kept from the start.
        let (for_json, for_yaml) = (Arc::clone(model), Arc::clone(model));
        for document in [
            Document::new(json_path.as_str()).form_made(JSON, move || {
                surface::openapi::to_json_bytes(&openapi(&for_json, audience)).into()
            }),
            Document::new(yaml_path.as_str()).form_made("application/yaml", move || {
                surface::yaml::write(&openapi(&for_yaml, audience)).into()
            }),
        ] {
            documents.add(guarded(document.audience(audience)));
        }
        // Who comes to the base of the API is a program or a person, and neither knows more yet.
        let index = pages::index(model, audience).to_string();
        let roots = [format!("{}/", model.base), model.base.clone()];
        let first = page("/", landing.clone(), pages::POLICY).form(JSON, index.clone());
        documents.add(guarded(first.audience(audience)));
        for path in roots
            .iter()
            .filter(|path| !matches!(path.as_str(), "" | "/"))
        {
            let root = Document::new(path.as_str())
                .form(JSON, index.clone())
                .form(HTML, landing.clone())
                .policy(HeaderValue::from_static(pages::POLICY));
            documents.add(guarded(root.audience(audience)));
        }
    }
    let reference = docs_ui::page(&model.title, &json_path);
    documents.add(guarded(page(docs_ui::PATH, reference, docs_ui::POLICY)));
    for (asset, contents) in ASSETS.iter() {
        documents.add(file(asset.path, asset.media_type, contents.clone()));
    }
    documents
}

/// The audiences that are served something of their own. What is for the public is for all.
fn audiences(model: &Model) -> Vec<Audience> {
    let is_named = |audience: Audience| {
        model.resources.iter().any(|resource| {
            resource.audience == audience
                || resource
                    .fields
                    .iter()
                    .any(|field| field.audience == audience)
        })
    };
    let mut audiences = vec![Audience::Public];
    audiences.extend(
        [Audience::Partner, Audience::Private]
            .into_iter()
            .filter(|one| is_named(*one)),
    );
    audiences
}

fn problems(model: &Model, documents: &mut Documents) {
    let known = rest::problem_kinds();
    let mut kinds: Vec<ProblemKind<'_>> = known
        .iter()
        .map(|kind| ProblemKind {
            code: kind.code,
            status: kind.status.as_u16(),
            title: kind.title,
            explanation: kind.explanation,
        })
        .collect();
    kinds.extend(model.errors.iter().map(|error| ProblemKind {
        code: &error.code,
        status: error.status,
        title: &error.title,
        explanation: "This is a problem of this API's own: its contract declares it.",
    }));
    kinds.sort_by_key(|kind| (kind.status, kind.code));
    for kind in &kinds {
        let path = format!("{}/{}", pages::PROBLEMS_PATH, kind.code);
        documents.add(page(path, pages::problem(model, kind), pages::POLICY));
    }
    documents.add(page(
        pages::PROBLEMS_PATH,
        pages::problems(model, &kinds),
        pages::POLICY,
    ));
}

fn page(path: impl Into<Box<str>>, html: String, policy: &'static str) -> Document {
    Document::new(path)
        .form(HTML, html)
        .policy(HeaderValue::from_static(policy))
}

fn file(path: &str, media_type: &'static str, contents: impl Into<Bytes>) -> Document {
    Document::new(path).form(media_type, contents)
}
