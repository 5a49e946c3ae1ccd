//! The REST decisions of the contract language, shown on a real server: real sockets, a real
//! database in a temporary folder, real keys.
//!
//! | Row | Decision | Shown in |
//! |---|---|---|
//! | 1 | Envelope and `Link` | [`lists`] |
//! | 2 | Pages: 50, at most 200, no offset | [`lists`] |
//! | 3 | Cursors are bound to their list and open nothing | [`lists`] |
//! | 4 | Totals | [`lists`] |
//! | 5 | Filters, every operator, one hop | [`lists`], [`values`] |
//! | 6 | OR and NOT: QUERY and `POST …/query` | [`queries`] |
//! | 7 | Only what is indexed is filterable and sortable | [`lists`] |
//! | 8 | Hidden fields are not filterable, nor found out in another way | [`views`], [`hidden`] |
//! | 9 | Sorts | [`lists`] |
//! | 10 | Sparse fields | [`views`], [`writes`] |
//! | 11 | Included relations and lists | [`views`] |
//! | 12 | Search | [`lists`] |
//! | 13 | Create: 201, body, `Location`, `ETag` | [`writes`], [`bookstore`] |
//! | 14 | PATCH: merge patch, plain JSON, JSON Patch, `Accept-Patch` | [`writes`], [`methods`], [`problems`] |
//! | 15 | PUT, also with the client's ids | [`writes`] |
//! | 16 | Unknown and read-only members | [`writes`] |
//! | 17 | Entity tags: version and view | [`conditions`], [`views`] |
//! | 18 | 412, 428, 304 | [`conditions`], [`connections`] |
//! | 19 | Idempotency keys | [`idempotency`] |
//! | 20 | Batch | [`batch`] |
//! | 21 | Delete: 204, then 404 | [`writes`], [`bookstore`] |
//! | 22 | Soft delete and restore | [`soft_delete`] |
//! | 25 | Prefer | [`manner`] |
//! | 26 | Long work | [`operations`] |
//! | 27 | Dry run | [`manner`] |
//! | 28 | Names | [`values`] |
//! | 29 | Ids | [`values`], [`writes`] |
//! | 30 | Times | [`values`] |
//! | 31 | Money | [`values`] |
//! | 32 | Integers | [`values`] |
//! | 33 | Null and absent | [`values`], [`writes`] |
//! | 34 | Enums | [`values`] |
//! | 35 | Problems and their pages | [`problems`] |
//! | 36 | Rate limits | [`rate_limits`] |
//! | 37 | Deprecation; 410 after the sunset of a resource | [`deprecation`] |
//! | 38 | The version in the path, or anything else | [`methods`] |
//! | 39 | 401, 403, 404 and their challenges | [`access`], [`bookstore`] |
//! | 40 | 400 and 422 | [`problems`] |
//! | 41 | 409, 412, 413, 415, 406, 428 | [`problems`], [`writes`], [`limits`] |
//! | 42 | HEAD, OPTIONS, 405 | [`methods`] |
//! | 43 | CORS | [`cors`] |
//! | 44 | Media types; lists as NDJSON and CSV | [`negotiation`], [`streams`] |
//! | 45 | Caching | [`conditions`], [`caching`] |
//! | – | Bare lists | [`bare`] |
//! | – | Compression, a tag per coding | [`negotiation`] |
//! | – | Limits of size, depth and time | [`limits`] |
//! | – | More to do than can be done | [`overload`] |
//! | – | HTTP/1.0, 1.1, 2; request ids; many clients | [`connections`] |
//! | – | What is refused changes nothing | [`refusals`], [`access`] |
//! | – | Audiences: what is private is not there | [`audience`] |
//! | – | Paths of one's own: natural keys, `within`, `sequence` | [`paths`], [`path_words`] |
//! | – | What references tell of records that are hidden | [`hidden`] |
//! | – | The textbook bookstore, to the letter | [`bookstore`] |
//!
//! Not here, because not built yet: 23–24 (operations, lifecycles), and of 37 and 38 several
//! versions beside each other.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod access;
mod audience;
mod bare;
mod batch;
mod bookstore;
mod caching;
mod computed;
mod conditions;
mod connections;
mod cors;
mod deprecation;
mod hidden;
mod idempotency;
mod limits;
mod lists;
mod manner;
mod methods;
mod negotiation;
mod operations;
mod overload;
mod path_words;
mod paths;
mod problems;
mod queries;
mod rate_limits;
mod refusals;
mod soft_delete;
mod streams;
mod support;
mod values;
mod views;
mod writes;
