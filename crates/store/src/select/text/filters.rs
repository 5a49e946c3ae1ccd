//! What filters ask, alone and joined by AND, OR and NOT.
//!
//! A filter by itself may be unknown for a row, which then is not found. Under OR and NOT every
//! comparison is true or false, so that NOT finds exactly what its inside does not.

use model::Resource;
use value::Type;

use super::{Writer, Written};
use crate::driver::Storage;
use crate::layout;
use crate::lower::{Form, Unsupported};
use crate::prepared::Part;
use crate::select::{Filter, IDS_MAX, Operator, Where, field_type};
use crate::sql::Alias;

/// Filters of one request, and parts of lists in [`Where`]: a few hundred filters with as many lists
/// around each as may nest.
const FILTERS_MAX: usize = 2_560;
/// Arguments of one statement: the databases take 10,000 parameters and more, of which the
/// conditions need some.
const ARGS_MAX: u16 = 5_000;
/// Nesting of a [`Where`].
const WHERE_DEPTH_MAX: usize = 20;

const NO_TEXT: Unsupported = Unsupported {
    what: "a part of something that is no text",
};

impl Writer<'_> {
    pub(super) fn matching(&mut self, alias: Alias, matching: &Where, arg: &mut u16) -> Written {
        match matching {
            Where::Filter(filter) => self.filter(alias, filter, arg, true),
            Where::Not(inner) => {
                self.sql.push("NOT (");
                self.matching(alias, inner, arg)?;
                self.sql.push(")");
                Ok(())
            }
            Where::All(parts) => self.joined(alias, parts, " AND ", "TRUE", arg),
            Where::Any(parts) => self.joined(alias, parts, " OR ", "FALSE", arg),
        }
    }

    fn joined(
        &mut self,
        alias: Alias,
        parts: &[Where],
        word: &str,
        none: &str,
        arg: &mut u16,
    ) -> Written {
        if parts.is_empty() {
            self.sql.push(none);
            return Ok(());
        }
        self.sql.push("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.sql.push(word);
            }
            self.matching(alias, part, arg)?;
        }
        self.sql.push(")");
        Ok(())
    }

    /// `nested`: under OR or NOT, where unknown must not stand for false.
    pub(super) fn filter(
        &mut self,
        alias: Alias,
        filter: &Filter,
        arg: &mut u16,
        nested: bool,
    ) -> Written {
        let Some(via) = filter.via else {
            return self.comparison(alias, self.resource, filter, arg, nested);
        };
        let (via, _) = field_type(self.resource, via)?;
        let Some(target) = layout::reference(self.model, via) else {
            return Err(Unsupported {
                what: "a filter through a field that is no relation",
            });
        };
        let there = self.sql.alias();
        // Few match a value, so their set is small; otherwise each row is looked up.
        let as_set = matches!(filter.operator, Operator::Eq | Operator::In(_));
        if as_set {
            if nested && via.shape.nullable {
                self.sql.push("(");
                self.sql.column(alias, &via.name);
                self.sql.push(" IS NOT NULL AND ");
            }
            self.sql.column(alias, &via.name);
            self.sql.push(" IN (SELECT ");
            self.sql.column(there, &target.id_field().name);
        } else {
            self.sql.push("EXISTS (SELECT 1");
        }
        self.sql.push(" FROM ");
        self.sql.table(&target.snake, there);
        self.sql.push(" WHERE ");
        if !as_set {
            self.sql.column(there, &target.id_field().name);
            self.sql.push(" = ");
            self.sql.column(alias, &via.name);
            self.sql.push(" AND ");
        }
        self.sql.live(target, there);
        self.comparison(there, target, filter, arg, false)?;
        if let Some(restrict) = &filter.via_restrict {
            self.sql.push(" AND ");
            self.restrict(there, target.id, restrict, Form::Rows)?;
        }
        self.sql.push(")");
        if as_set && nested && via.shape.nullable {
            self.sql.push(")");
        }
        Ok(())
    }

    fn comparison(
        &mut self,
        alias: Alias,
        resource: &Resource,
        filter: &Filter,
        arg: &mut u16,
        nested: bool,
    ) -> Written {
        let (field, ty) = field_type(resource, filter.field)?;
        let at = *arg;
        *arg += args_of(filter.operator);
        if *ty == Type::Money {
            return self.money_comparison(alias, &field.name, filter.operator, at);
        }
        let text = matches!(ty, Type::Text | Type::Enum(_))
            || matches!(ty, Type::Id(id) if layout::id_storage(id) == Storage::Text);
        let nullable = field.shape.nullable;
        // Where unknown must not stand for false, null is excluded first.
        let guard =
            nested && nullable && !matches!(filter.operator, Operator::Ne | Operator::IsNull(_));
        if guard {
            self.sql.push("(");
            self.sql.column(alias, &field.name);
            self.sql.push(" IS NOT NULL AND ");
        }
        match filter.operator {
            Operator::In(n) => {
                // A spare null in the list makes what is not in it unknown.
                self.sql.push(if nested { "COALESCE(" } else { "" });
                self.sql.column(alias, &field.name);
                self.among(at, n, ty);
                self.sql.push(if nested { ", FALSE)" } else { "" });
            }
            Operator::Contains if text => {
                self.contains(alias, &field.name, at);
            }
            Operator::StartsWith if text => {
                // As a range it can use the index.
                self.sql.push("(");
                self.sql.column(alias, &field.name);
                self.sql.push(" >= ");
                self.sql.arg(at, ty);
                self.sql.push(" AND ");
                self.sql.column(alias, &field.name);
                self.sql.push(" < ");
                self.sql.arg_part(at, ty, Part::PrefixEnd);
                self.sql.push(")");
            }
            Operator::Contains | Operator::StartsWith => return Err(NO_TEXT),
            Operator::IsNull(is_null) => self.is_null(alias, &field.name, is_null),
            operator => {
                let or_null = operator == Operator::Ne && nullable;
                self.sql.push(if or_null { "(" } else { "" });
                self.sql.column(alias, &field.name);
                self.sql.push(sign(operator));
                self.sql.arg(at, ty);
                if or_null {
                    self.sql.push(" OR ");
                    self.is_null(alias, &field.name, true);
                    self.sql.push(")");
                }
            }
        }
        if guard {
            self.sql.push(")");
        }
        Ok(())
    }

    /// Amounts compare within one currency only.
    fn money_comparison(
        &mut self,
        alias: Alias,
        field: &str,
        operator: Operator,
        at: u16,
    ) -> Written {
        let (amount, currency) = (layout::amount_column(field), layout::currency_column(field));
        let sign = match operator {
            Operator::IsNull(is_null) => {
                self.is_null(alias, &amount, is_null);
                return Ok(());
            }
            Operator::Contains | Operator::StartsWith => return Err(NO_TEXT),
            Operator::Ne => sign(Operator::Eq),
            other => sign(other),
        };
        let n = if let Operator::In(n) = operator { n } else { 1 };
        self.sql
            .push(if operator == Operator::Ne { "NOT " } else { "" });
        self.sql.push("COALESCE(");
        for nth in 0..n {
            self.sql.push(if nth > 0 { " OR (" } else { "(" });
            self.sql.column(alias, &currency);
            self.sql.push(" = ");
            self.sql.arg_part(at + nth, &Type::Money, Part::Currency);
            self.sql.push(" AND ");
            self.sql.column(alias, &amount);
            self.sql.push(sign);
            self.sql.arg_part(at + nth, &Type::Money, Part::Amount);
            self.sql.push(")");
        }
        self.sql
            .push(if n == 0 { "FALSE, FALSE)" } else { ", FALSE)" });
        Ok(())
    }

    /// Whether a text has another in it.
    pub(super) fn contains(&mut self, alias: Alias, column: &str, arg: u16) {
        self.sql.either("fd_contains(", "(strpos(");
        self.sql.column(alias, column);
        self.sql.push(", ");
        self.sql.arg(arg, &Type::Text);
        self.sql.either(")", ") > 0)");
    }

    fn is_null(&mut self, alias: Alias, column: &str, is_null: bool) {
        self.sql.column(alias, column);
        self.sql
            .push(if is_null { " IS NULL" } else { " IS NOT NULL" });
    }
}

/// The sign between a column and one value; `IN` asks for one of several that are equal.
fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Ne => " <> ",
        Operator::Lt => " < ",
        Operator::Lte => " <= ",
        Operator::Gt => " > ",
        Operator::Gte => " >= ",
        Operator::Eq
        | Operator::In(_)
        | Operator::Contains
        | Operator::StartsWith
        | Operator::IsNull(_) => " = ",
    }
}

fn args_of(operator: Operator) -> u16 {
    match operator {
        Operator::In(n) => n,
        Operator::IsNull(_) => 0,
        _ => 1,
    }
}

#[derive(Default)]
pub(super) struct FilterCount {
    count: usize,
    /// Arguments that they take.
    pub args: u16,
    pub too_many: bool,
}

impl FilterCount {
    fn add(&mut self, filter: &Filter) {
        self.count += 1;
        let args = args_of(filter.operator);
        self.args = self.args.saturating_add(args);
        self.too_many |= self.count > FILTERS_MAX || args > IDS_MAX || self.args > ARGS_MAX;
    }

    pub fn add_all(&mut self, filters: &[Filter]) {
        filters.iter().for_each(|filter| self.add(filter));
    }

    pub fn add_where(&mut self, matching: &Where, depth: usize) {
        if depth > WHERE_DEPTH_MAX {
            self.too_many = true;
            return;
        }
        match matching {
            Where::Filter(filter) => self.add(filter),
            Where::Not(inner) => self.add_where(inner, depth + 1),
            Where::All(parts) | Where::Any(parts) => {
                self.count += parts.len();
                self.too_many |= self.count > FILTERS_MAX;
                for part in parts {
                    self.add_where(part, depth + 1);
                }
            }
        }
    }
}
