//! Which path means what.
//!
//! Made once from a model. Knows paths only: whether a record exists or may be seen is the
//! engine's question.

use std::borrow::Cow;
use std::collections::HashMap;

use http::Method;
use model::{Action, Audience, Model, Resource};
use value::ResourceId;

mod target;

pub use target::{Key, Target};

/// The paths of one contract.
#[derive(Debug)]
pub struct Routes {
    /// `/v1`, or empty.
    base: Box<str>,
    /// Those that begin a path, by their word.
    collections: HashMap<Box<str>, ResourceId>,
    /// What is behind each resource's word. Indexed by [`ResourceId`].
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// For whom the records and all those around them are there.
    audience: Audience,
    /// Segments of the record's own key.
    values: usize,
    /// Whether a record is named by its id alone.
    by_id: bool,
    /// `/books/{id}/restore` is there.
    restores: bool,
    lists: Vec<Inside>,
}

/// What lies behind a record's path.
#[derive(Debug)]
struct Inside {
    /// Its segment.
    path: Box<str>,
    /// Of the records in it.
    resource: ResourceId,
    /// The name of a list; none for what has its place here (`within:`).
    list: Option<Box<str>>,
    /// Whether records are added here. What has its place elsewhere is added there.
    adds: bool,
    audience: Audience,
}

/// The segments behind a list's path.
const QUERY: &str = "/query";
const BATCH: &str = "/batch";
/// Where operations are. No resource has this path: contracts may not give it.
pub const OPERATIONS: &str = "/operations/";

/// Why a path stands for nothing.
#[derive(Debug, PartialEq)]
pub enum Miss {
    Unknown,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    Encoding,
}

impl Routes {
    pub fn new(model: &Model) -> Routes {
        let outermost = |resource: &&Resource| resource.within.is_none();
        let collections = model.resources.iter().filter(outermost);
        Routes {
            base: model.base.as_str().into(),
            collections: collections
                .map(|resource| (resource.path.as_str().into(), resource.id))
                .collect(),
            places: model
                .resources
                .iter()
                .map(|resource| place(model, resource))
                .collect(),
        }
    }

    /// The name of an operation, if that is what the path leads to.
    pub fn operation<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(&*self.base)?;
        let id = rest.strip_prefix(OPERATIONS)?;
        (!id.is_empty() && !id.contains('/')).then_some(id)
    }

    /// What a path stands for when it is asked by this method.
    ///
    /// `query` or `batch` behind a list can also be an id that a client chose. Then the method
    /// tells: POST is for the list, everything else about the record.
    pub fn find_for<'a>(
        &'a self,
        model: &Model,
        method: &Method,
        path: &'a str,
    ) -> Result<Target<'a>, Miss> {
        let (list, is_batch) = match (path.strip_suffix(QUERY), path.strip_suffix(BATCH)) {
            (Some(list), _) => (list, false),
            (_, Some(list)) => (list, true),
            (None, None) => return self.find(path),
        };
        match (self.find(list), self.find(path)) {
            (Ok(Target::List { name: Some(_), .. }), at) if is_batch => at,
            (Ok(list @ (Target::Collection { .. } | Target::List { .. })), at) => {
                let can_be_record = match &at {
                    Ok(Target::Record {
                        resource,
                        key: Key::Id(id),
                        ..
                    }) => model.resource(*resource).id_type.parse(id).is_ok(),
                    Ok(Target::Record {
                        resource,
                        key: Key::Values(values),
                        ..
                    }) => model.read_path(*resource, values).is_some(),
                    _ => false,
                };
                if method == Method::POST || !can_be_record {
                    if is_batch {
                        return Ok(Target::Batch(Box::new(list)));
                    }
                    return Ok(Target::Query(Box::new(list)));
                }
                at
            }
            (_, at) => at,
        }
    }

    /// What a path, as it was sent, stands for.
    pub fn find<'a>(&'a self, path: &'a str) -> Result<Target<'a>, Miss> {
        let Some(rest) = path
            .strip_prefix(&*self.base)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            return Err(Miss::Unknown);
        };
        let mut segments = rest.split('/');
        // Split first, then decode: a value may contain `%2F`.
        let word = decode(segments.next().unwrap_or_default())?;
        let mut resource = *self.collections.get(&*word).ok_or(Miss::Unknown)?;
        // The records gone through so far, as what names the next.
        let mut around: Option<(ResourceId, Key<'a>)> = None;
        let mut reached: Option<&'a Inside> = None;
        loop {
            let place = &self.places[usize::from(resource.0)];
            let Some(first) = segments.next() else {
                return Ok(match (around, reached) {
                    (Some((parent, key)), Some(inside)) => Target::List {
                        resource,
                        parent,
                        key,
                        name: None,
                        adds: inside.adds,
                        audience: place.audience,
                    },
                    _ => Target::Collection { resource },
                });
            };
            let key = if place.by_id {
                Key::Id(value(first)?)
            } else {
                let mut values = match around {
                    None => Vec::with_capacity(place.values),
                    Some((_, Key::Id(id))) => vec![id.into_owned()],
                    Some((_, Key::Values(values))) => values,
                };
                values.push(value(first)?.into_owned());
                for _ in 1..place.values {
                    let segment = segments.next().ok_or(Miss::Unknown)?;
                    values.push(value(segment)?.into_owned());
                }
                Key::Values(values)
            };
            let Some(word) = segments.next() else {
                return Ok(Target::Record {
                    resource,
                    key,
                    audience: place.audience,
                });
            };
            let word = decode(word)?;
            if place.restores && word == Action::Restore.name() {
                return match segments.next() {
                    Some(_) => Err(Miss::Unknown),
                    None => Ok(Target::Restore {
                        resource,
                        key,
                        audience: place.audience,
                    }),
                };
            }
            let inside = place
                .lists
                .iter()
                .find(|inside| *inside.path == *word)
                .ok_or(Miss::Unknown)?;
            let parent = resource;
            resource = inside.resource;
            match &inside.list {
                None => {
                    around = Some((parent, key));
                    reached = Some(inside);
                }
                Some(_) if segments.next().is_some() => return Err(Miss::Unknown),
                Some(name) => {
                    return Ok(Target::List {
                        resource,
                        parent,
                        key,
                        name: Some(name),
                        adds: inside.adds,
                        audience: inside.audience,
                    });
                }
            }
        }
    }

    /// The path that the sender of a wrong one most likely meant. Only tells what everybody may
    /// know.
    pub fn suggest(&self, path: &str) -> Option<String> {
        /// Longer paths are not what a person mistyped.
        const PATH_BYTES_MAX: usize = 512;
        if path.len() > PATH_BYTES_MAX {
            return None;
        }
        let segments = || path.split('/').filter(|segment| !segment.is_empty());
        // `/v1/books/` and `/v1//books`.
        let tidy: String = segments().flat_map(|segment| ["/", segment]).collect();
        if tidy != path && self.is_public(&tidy) {
            return Some(tidy);
        }
        // `/books`.
        let based = format!("{}{tidy}", self.base);
        if self.is_public(&based) {
            return Some(based);
        }
        // `/v1/boks/42/authors`, with or without its base.
        let inner = tidy.strip_prefix(&*self.base).unwrap_or(&tidy);
        let mut segments = inner.split('/').skip(1);
        let is_public = |resource: ResourceId| {
            self.places[usize::from(resource.0)].audience == Audience::Public
        };
        let public = self
            .collections
            .iter()
            .filter(|(_, resource)| is_public(**resource));
        let mut names: Vec<&str> = public.map(|(name, _)| &**name).collect();
        names.sort_unstable();
        let name = diag::suggest::nearest(segments.next()?, names)?;
        let mut suggestion = format!("{}/{name}", self.base);
        let mut resource = *self.collections.get(name)?;
        'deeper: loop {
            let place = &self.places[usize::from(resource.0)];
            for _ in 0..place.values {
                let Some(value) = segments.next() else {
                    break 'deeper;
                };
                suggestion.push('/');
                suggestion.push_str(value);
            }
            let Some(word) = segments.next() else {
                break;
            };
            let public = place
                .lists
                .iter()
                .filter(|inside| inside.audience == Audience::Public);
            let meant = diag::suggest::nearest(word, public.map(|inside| &*inside.path))?;
            suggestion.push('/');
            suggestion.push_str(meant);
            let inside = place.lists.iter().find(|inside| *inside.path == *meant)?;
            if inside.list.is_some() {
                break;
            }
            resource = inside.resource;
        }
        (suggestion != path && self.is_public(&suggestion)).then_some(suggestion)
    }

    fn is_public(&self, path: &str) -> bool {
        self.find(path).is_ok_and(|target| {
            let audience = match target {
                Target::Collection { resource } => self.places[usize::from(resource.0)].audience,
                Target::Record { audience, .. }
                | Target::List { audience, .. }
                | Target::Restore { audience, .. } => audience,
                Target::Query(_) | Target::Batch(_) => return false,
            };
            audience == Audience::Public
        })
    }
}

fn place(model: &Model, resource: &Resource) -> Place {
    let audience = model.served_to(resource.id);
    let within = model.inside(resource.id).map(|inner| Inside {
        path: inner.path.as_str().into(),
        resource: inner.id,
        list: None,
        adds: true,
        audience: model.served_to(inner.id),
    });
    let lists = resource.lists.iter();
    let lists = lists.filter(|list| !model.is_own_place(resource, list));
    let lists = lists.map(|list| Inside {
        path: list.path().into(),
        resource: list.resource,
        list: Some(list.name.as_str().into()),
        adds: model.adds_to(list),
        audience: audience.max(model.resource(list.resource).audience),
    });
    Place {
        audience,
        values: resource.key.len().max(1),
        by_id: !resource.has_own_path(),
        restores: resource.soft_delete.is_some(),
        lists: within.chain(lists).collect(),
    }
}

/// A segment that is a value: never nothing.
fn value(segment: &str) -> Result<Cow<'_, str>, Miss> {
    if segment.is_empty() {
        return Err(Miss::Unknown);
    }
    decode(segment)
}

fn decode(segment: &str) -> Result<Cow<'_, str>, Miss> {
    web::query::decode_segment(segment).ok_or(Miss::Encoding)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use call::RecordKey;
    use model::{Access, Concurrency, DocsAccess, Idempotency, ListRelation};
    use value::{FieldId, IdKind, IdType};

    use super::*;

    const AUTHOR: ResourceId = ResourceId(0);
    const BOOK: ResourceId = ResourceId(1);
    const SECRET: ResourceId = ResourceId(2);

    fn resource(id: ResourceId, name: &str, path: &str, lists: &[(&str, ResourceId)]) -> Resource {
        let list = |(name, resource): &(&str, ResourceId)| ListRelation {
            name: (*name).to_owned(),
            resource: *resource,
            field: FieldId(1),
        };
        Resource {
            id,
            name: name.to_owned(),
            snake: name.to_lowercase(),
            path: path.to_owned(),
            plural: path.to_owned(),
            id_type: Arc::new(IdType {
                resource: id,
                resource_name: name.into(),
                kind: IdKind::Integer,
                prefix: "".into(),
            }),
            fields: Vec::new(),
            lists: lists.iter().map(list).collect(),
            key: Vec::new(),
            within: None,
            unique: Vec::new(),
            index: Vec::new(),
            search: Vec::new(),
            rules: Vec::new(),
            access: Access::default(),
            scope: path.to_owned(),
            checks: Vec::new(),
            audience: if id == SECRET {
                Audience::Private
            } else {
                Audience::Public
            },
            concurrency: Concurrency::Optional,
            idempotency: Idempotency::Optional,
            list: model::ListStyle::default(),
            cache_seconds: None,
            soft_delete: None,
            limit: None,
            deprecated: None,
            was: None,
            removed: Vec::new(),
            description: None,
        }
    }

    fn routes(base: &str) -> Routes {
        Routes::new(&model(base))
    }

    fn model(base: &str) -> Model {
        let resources = vec![
            resource(
                AUTHOR,
                "Author",
                "authors",
                &[("books", BOOK), ("early_books", BOOK), ("secrets", SECRET)],
            ),
            resource(BOOK, "Book", "books", &[]),
            resource(SECRET, "Secret", "secret-plans", &[("books", BOOK)]),
        ];
        Model {
            name: "shop".to_owned(),
            title: "Shop".to_owned(),
            description: None,
            base: base.to_owned(),
            resources,
            rules: Vec::new(),
            types: Vec::new(),
            type_members: Vec::new(),
            errors: Vec::new(),
            limits: Vec::new(),
            cors: Vec::new(),
            docs: DocsAccess::Public,
            auth: model::Auth::default(),
            tests: Vec::new(),
        }
    }

    /// `RESOURCE`, `RESOURCE/ID` or `PARENT/ID/LIST RESOURCE`.
    fn found(routes: &Routes, path: &str) -> String {
        told(routes.find(path))
    }

    fn told(found: Result<Target<'_>, Miss>) -> String {
        match found {
            Ok(Target::Query(list)) => format!("query {}", told(Ok(*list))),
            Ok(Target::Batch(list)) => format!("batch {}", list.resource().0),
            Ok(Target::Collection { resource }) => format!("{}", resource.0),
            Ok(Target::Record { resource, key, .. }) => format!("{}/{}", resource.0, shown(key)),
            Ok(Target::List {
                resource,
                parent,
                key,
                name,
                ..
            }) => {
                let name = name.unwrap_or("within");
                format!("{}/{}/{name} {}", parent.0, shown(key), resource.0)
            }
            Ok(Target::Restore { resource, key, .. }) => {
                format!("restore {}/{}", resource.0, shown(key))
            }
            Err(miss) => format!("{miss:?}"),
        }
    }

    fn shown(key: Key<'_>) -> String {
        match key.into_record_key() {
            RecordKey::Id(id) => id,
            RecordKey::Natural(values) => values.join("|"),
        }
    }

    #[test]
    fn paths_are_found() {
        let v1 = routes("/v1");
        for (path, expected) in [
            ("/v1/books", "1"),
            ("/v1/%62ooks", "1"),
            ("/v1/books/42", "1/42"),
            ("/v1/books/a%2Fb+%C3%A9", "1/a/b+é"),
            ("/v1/authors/7/books", "0/7/books 1"),
            ("/v1/authors/a%20b/b%6Foks", "0/a b/books 1"),
            ("/v1/authors/7/early-books", "0/7/early_books 1"),
            ("/v1/authors/7/early_books", "Unknown"),
            ("/v1/secret-plans", "2"),
            ("/v1", "Unknown"),
            ("/v1/", "Unknown"),
            ("/", "Unknown"),
            ("/v1/books/", "Unknown"),
            ("/v1//books", "Unknown"),
            ("/v1/books//", "Unknown"),
            ("/v1/Books", "Unknown"),
            ("/v12/books", "Unknown"),
            ("/books", "Unknown"),
            ("/v1/books/42/authors", "Unknown"),
            ("/v1/authors/7/books/", "Unknown"),
            ("/v1/authors/7/books/1", "Unknown"),
            ("/v1/authors//books", "Unknown"),
            ("/v1/books/%", "Encoding"),
            ("/v1/books/%ff", "Encoding"),
            ("*", "Unknown"),
        ] {
            assert_eq!(found(&v1, path), expected, "{path}");
        }
        let unversioned = routes("");
        assert_eq!(found(&unversioned, "/books/42"), "1/42");
        assert_eq!(found(&unversioned, "/"), "Unknown");
        assert_eq!(found(&unversioned, "books"), "Unknown");
    }

    #[test]
    fn query_behind_a_list_asks_it_by_a_body() {
        let v1 = routes("/v1");
        let model = model("/v1");
        for (path, expected) in [
            ("/v1/books/query", "query 1"),
            ("/v1/authors/7/books/query", "query 0/7/books 1"),
            ("/v1/books", "1"),
            ("/v1/books/42", "1/42"),
            ("/v1/books/42/query", "Unknown"),
            ("/v1/query", "Unknown"),
            ("/query", "Unknown"),
            ("/v1/books/query/query", "Unknown"),
            ("/v1/books/quer%79", "1/query"),
        ] {
            for method in [Method::POST, Method::GET, Method::OPTIONS] {
                let found = v1.find_for(&model, &method, path);
                assert_eq!(told(found), expected, "{method} {path}");
            }
        }
    }

    #[test]
    fn batch_behind_a_collection_is_many_writes() {
        let v1 = routes("/v1");
        let model = model("/v1");
        for (path, expected) in [
            ("/v1/books/batch", "batch 1"),
            ("/v1/books/42/batch", "Unknown"),
            ("/v1/authors/7/books/batch", "Unknown"),
            ("/v1/batch", "Unknown"),
            ("/v1/books/batch/query", "Unknown"),
        ] {
            let found = v1.find_for(&model, &Method::POST, path);
            assert_eq!(told(found), expected, "{path}");
        }
        let target = v1.find_for(&model, &Method::GET, "/v1/books/batch");
        let target = target.unwrap();
        assert_eq!(target.allow(&model), "POST, OPTIONS");
        assert_eq!(target.action(&Method::GET), None);
    }

    #[test]
    fn near_misses_are_told_what_exists() {
        let v1 = routes("/v1");
        for (path, expected) in [
            ("/v1/books/", Some("/v1/books")),
            ("/v1//books/42", Some("/v1/books/42")),
            ("/books", Some("/v1/books")),
            ("/books/42/", Some("/v1/books/42")),
            ("/v1/book", Some("/v1/books")),
            ("/v1/BOOKS/42", Some("/v1/books/42")),
            ("/boks", Some("/v1/books")),
            ("/v1/author/7/book", Some("/v1/authors/7/books")),
            (
                "/v1/authors/7/early_books",
                Some("/v1/authors/7/early-books"),
            ),
            ("/v1/authors/7/reviews", None),
            ("/v1/books/42/authors", None),
            ("/v1/weather", None),
            ("/", None),
            ("*", None),
            ("", None),
            ("/v1/%/", None),
            // Nobody learns from a refusal what is not public.
            ("/v1/secret-plan", None),
            ("/v1/secret-plans/", None),
            ("/v1/authors/7/secret", None),
            ("/v1/secret-plans/1/book", None),
        ] {
            assert_eq!(v1.suggest(path).as_deref(), expected, "{path}");
        }
        assert_eq!(v1.suggest(&format!("/v1/{}", "/".repeat(1000))), None);
        assert_eq!(routes("").suggest("/book").as_deref(), Some("/books"));
    }

    #[test]
    fn methods_follow_the_path() {
        let v1 = routes("/v1");
        for (path, allow) in [
            ("/v1/books", "GET, HEAD, QUERY, POST, OPTIONS"),
            ("/v1/authors/1/books", "GET, HEAD, QUERY, POST, OPTIONS"),
            ("/v1/books/1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ] {
            let target = v1.find(path).unwrap();
            // A resource without any access is closed, not without methods.
            assert_eq!(target.allow(&model("/v1")), allow);
            for method in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY",
            ] {
                let allowed = allow.split(", ").any(|one| one == method);
                let action = target.action(&Method::from_bytes(method.as_bytes()).unwrap());
                assert_eq!(action.is_some(), allowed, "{method} {path}");
            }
        }
        let record = v1.find("/v1/books/1").unwrap();
        assert_eq!(record.action(&Method::PUT), Some(Action::Replace));
        assert_eq!(record.action(&Method::PATCH), Some(Action::Update));
        assert_eq!(
            v1.find("/v1/books").unwrap().action(&Method::HEAD),
            Some(Action::List)
        );
    }
}
