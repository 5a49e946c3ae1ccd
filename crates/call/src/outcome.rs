//! How a request ends well.

use std::sync::Arc;

use value::{ResourceId, Timestamp, Type, Value};

use crate::request::RecordKey;

#[derive(Clone, Debug)]
pub enum Outcome {
    Record(Record),
    /// `record` is absent when the caller may create but not read it.
    Created {
        id: Value,
        /// What names it from now on.
        key: RecordKey,
        record: Option<Record>,
    },
    /// Written, and its path is not the one that was asked: it has another key now, or something
    /// of it was asked for, such as to restore it. `record` is absent when the caller may not read
    /// it.
    Elsewhere {
        key: RecordKey,
        record: Option<Record>,
    },
    /// Written, but the caller may not read it (any more).
    Written,
    Deleted,
    Page(Page),
    Batch(BatchOutcome),
    /// It goes on after this.
    Started(Operation),
    /// The answer to a write with an idempotency key, as its [`Scribe`](crate::Scribe) wrote it.
    Kept {
        answer: String,
        /// It was carried out before; this is what was answered then.
        replayed: bool,
        /// What the caller may see is decided as it was then. Otherwise the answer's content is
        /// not for them any more.
        same_rights: bool,
    },
}

/// A write that goes on after its request has been answered, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub id: String,
    pub state: OperationState,
    /// As its [`Scribe`](crate::Scribe) wrote it. Nothing while it runs, and when the process
    /// that ran it has gone.
    pub answer: Option<String>,
    /// What the caller may see is decided as it was when it began. Otherwise the answer's content
    /// is not for them any more.
    pub same_rights: bool,
    pub began: Timestamp,
    pub ended: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    Running,
    Succeeded,
    Failed,
}

/// What became of a batch, parallel to its parts.
#[derive(Clone, Debug, Default)]
pub struct BatchOutcome {
    pub create: Vec<Done>,
    pub update: Vec<Done>,
    pub delete: Vec<Done>,
}

/// One write of a batch.
#[derive(Clone, Debug)]
pub struct Done {
    /// What names it: what its path ends with, and what is around it.
    pub key: RecordKey,
    /// Absent when the caller may not read it, and when it was deleted.
    pub record: Option<Record>,
}

/// A record as this caller sees it. `cells` is parallel to [`View::slots`].
#[derive(Clone, Debug)]
pub struct Record {
    pub view: Arc<View>,
    pub id: Value,
    /// Row version, from 1. The part of the ETag that `If-Match` compares.
    pub version: i64,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug)]
pub enum Cell {
    Value(Value),
    /// The field's read rule hides it from this caller: left out of the answer.
    Hidden,
    /// An included to-one relation; `None` when there is none or it is hidden.
    One(Option<Box<Record>>),
    /// An included list: its first page.
    Many(Box<Page>),
}

#[derive(Clone, Debug)]
pub struct Page {
    pub view: Arc<View>,
    pub items: Vec<Record>,
    pub next_cursor: Option<String>,
    pub total: Option<u64>,
}

/// Which fields an answer has, in order. Compiled once per (resource, fields, include).
#[derive(Debug)]
pub struct View {
    pub resource: ResourceId,
    pub id_type: Type,
    pub slots: Vec<Slot>,
    pub tag: ViewTag,
}

#[derive(Debug)]
pub struct Slot {
    pub name: String,
    /// The name as a JSON key with its colon (`"title":`), so that writing a record is copying.
    pub key: Box<[u8]>,
    /// Of a value; for included relations the type of the id.
    pub ty: Type,
    /// What an included record has in turn; nothing for values and lists.
    pub inner: Option<Arc<View>>,
}

/// What of the representation the row version does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewTag {
    /// The row version and this number determine the bytes.
    Fixed(u64),
    /// Other rows or the caller have a say: the bytes themselves must be hashed.
    Content,
}
