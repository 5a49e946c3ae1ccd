//! A statement being written: its text, its parameters and where they come from.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use model::Resource;
use value::{Type, Value};

use crate::driver::{Cost, Dialect, Statement, Storage};
use crate::layout;
use crate::prepared::{Binding, Cell, Part, Prepared, Source};

pub(crate) struct Sql {
    pub dialect: Dialect,
    text: String,
    parameters: Vec<Storage>,
    bindings: Vec<Binding>,
    columns: Vec<Storage>,
    cells: Vec<Cell>,
    aliases: u32,
    args: u16,
}

/// A name for a table in a statement, unique in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Alias(u32);

impl Sql {
    pub fn new(dialect: Dialect) -> Sql {
        Sql {
            dialect,
            text: String::with_capacity(256),
            parameters: vec![],
            bindings: vec![],
            columns: vec![],
            cells: vec![],
            aliases: 0,
            args: 0,
        }
    }

    pub fn is_sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// One spelling per dialect.
    pub fn either(&mut self, sqlite: &str, postgres: &str) {
        self.push(if self.is_sqlite() { sqlite } else { postgres });
    }

    /// What stands before an item of a list: nothing before the first.
    pub fn comma(&mut self, at: usize) {
        self.push(if at > 0 { ", " } else { "" });
    }

    pub fn name(&mut self, name: &str) {
        quote_name(&mut self.text, name);
    }

    pub fn alias(&mut self) -> Alias {
        let alias = Alias(self.aliases);
        self.aliases += 1;
        alias
    }

    pub fn alias_name(&mut self, alias: Alias) {
        // Writing to a text cannot fail.
        let _ = write!(self.text, "t{}", alias.0);
    }

    /// `"table" AS t1`
    pub fn table(&mut self, table: &str, alias: Alias) {
        self.name(table);
        self.push(" AS ");
        self.alias_name(alias);
    }

    /// `t1."column"`
    pub fn column(&mut self, alias: Alias, column: &str) {
        self.alias_name(alias);
        self.push(".");
        self.name(column);
    }

    /// `t1."_deleted_at" IS NULL AND `, where records are deleted softly: what is deleted is
    /// nowhere to be found.
    pub fn live(&mut self, resource: &Resource, alias: Alias) {
        if resource.soft_delete.is_some() {
            self.column(alias, layout::DELETED_AT);
            self.push(" IS NULL AND ");
        }
    }

    pub fn integer(&mut self, number: i64) {
        let _ = write!(self.text, "{number}");
    }

    /// Takes the next `count` arguments.
    pub fn take_args(&mut self, count: u16) -> u16 {
        let first = self.args;
        self.args += count;
        first
    }

    pub fn arg(&mut self, at: u16, ty: &Type) {
        self.arg_part(at, ty, Part::Whole);
    }

    pub fn arg_part(&mut self, at: u16, ty: &Type, part: Part) {
        self.bind(Source::Arg(at, ty.clone()), part);
    }

    pub fn constant(&mut self, value: &Value, ty: &Type, part: Part) {
        self.bind(Source::Const(value.clone(), ty.clone()), part);
    }

    /// Writes a parameter; the same source is the same parameter wherever it stands.
    pub fn bind(&mut self, source: Source, part: Part) {
        let storage = match (&source, part) {
            (_, Part::Amount) => Storage::Decimal,
            (_, Part::Currency | Part::PrefixEnd) => Storage::Text,
            (Source::Now, Part::Whole) => Storage::Timestamp,
            (Source::Const(_, ty) | Source::Claim(_, ty) | Source::Arg(_, ty), Part::Whole) => {
                layout::storage(ty)
            }
        };
        let binding = Binding { source, part };
        let known = self.bindings.iter().position(|known| *known == binding);
        let at = match known {
            Some(at) => at,
            None => {
                self.bindings.push(binding);
                self.parameters.push(storage);
                self.bindings.len() - 1
            }
        };
        let mark = if self.is_sqlite() { '?' } else { '$' };
        let _ = write!(self.text, "{mark}{}", at + 1);
    }

    /// Declares the next column of the result.
    pub fn returns(&mut self, storage: Storage, cell: Cell) {
        if cell == Cell::Money {
            self.columns.push(Storage::Decimal);
            self.columns.push(Storage::Text);
        } else {
            self.columns.push(storage);
        }
        self.cells.push(cell);
    }

    pub fn finish(self, cost: Cost) -> Prepared {
        Prepared {
            statement: Arc::new(Statement {
                text: Cow::Owned(self.text),
                parameters: self.parameters,
                columns: self.columns,
                cost,
            }),
            bindings: self.bindings,
            cells: self.cells,
            args: self.args,
        }
    }
}

pub(crate) fn quote_name(out: &mut String, name: &str) {
    out.push('"');
    for c in name.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}

/// `"name"`
pub(crate) fn quoted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    quote_name(&mut out, name);
    out
}

/// `'text'`, for scripts, which have no parameters.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        if c == '\'' {
            out.push('\'');
        }
        out.push(c);
    }
    out.push('\'');
    out
}
