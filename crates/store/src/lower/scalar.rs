//! Values: fields, comparisons, arithmetic, functions, aggregates.

use super::*;

/// From 0001-01-01, the first instant there is, to the epoch: makes every instant positive, so
/// that division rounds down.
const BEFORE_EPOCH_DAYS: i64 = 719_162;
const DAY_MS: i64 = 86_400_000;
const MILLIONTHS: i64 = 1_000_000;

/// What decides how numbers are compared and computed with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    Int,
    Float,
    Decimal,
    /// No number.
    Other,
}

fn number(ty: &Type) -> Number {
    match ty {
        Type::Int32 | Type::Int53 | Type::Int64 => Number::Int,
        Type::Float => Number::Float,
        Type::Decimal => Number::Decimal,
        _ => Number::Other,
    }
}

impl Lowering<'_> {
    /// Writes a value that stands as an operand anywhere. Money is written one part at a time.
    pub fn scalar(&mut self, expr: &Expr, part: Part) -> Lowered {
        self.spend()?;
        match &expr.node {
            Node::Const(Value::Null) => {
                self.sql.push("NULL");
                Ok(())
            }
            Node::Const(Value::Bool(_)) => self.condition(expr),
            Node::Const(value) => {
                self.sql.constant(value, &expr.ty, part);
                Ok(())
            }
            Node::Caller(claim) => {
                self.asked_caller = true;
                self.sql
                    .bind(Source::Claim(claim.clone(), expr.ty.clone()), part);
                Ok(())
            }
            Node::Now => {
                self.sql.bind(Source::Now, Part::Whole);
                Ok(())
            }
            Node::Field { row, field } => {
                let (from, rest) = self.resolve(row)?;
                let place = self.scope[from].place;
                self.reached(place, rest, *field, part)
            }
            Node::Member(of, index) => self.member(of, *index, &expr.ty, part),
            Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Rule { .. }
            | Node::Quantifier { .. } => {
                self.sql.push("(");
                self.condition(expr)?;
                self.sql.push(")");
                Ok(())
            }
            Node::If(condition, then, otherwise) => {
                self.sql.push("CASE WHEN ");
                self.condition(condition)?;
                self.sql.push(" THEN ");
                self.as_number(then, &expr.ty, part)?;
                self.sql.push(" ELSE ");
                self.as_number(otherwise, &expr.ty, part)?;
                self.sql.push(" END");
                Ok(())
            }
            Node::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Node::In(element, list) => self.is_in(element, list),
            Node::List(items) => self.list(items),
            Node::Neg(inner) => {
                self.sql.push("(-");
                self.scalar(inner, part)?;
                self.sql.push(")");
                Ok(())
            }
            Node::Arith(arith, a, b) => self.arith(*arith, a, b),
            Node::Call(Function::Fit, args) => match args.as_slice() {
                [inner] => self.fit(inner, &expr.ty),
                _ => Err(Unsupported {
                    what: "a function with other arguments than it has",
                }),
            },
            Node::Call(function, args) => self.call(*function, args),
            Node::Aggregate { kind, list, body } => self.aggregate(*kind, list, body.as_deref()),
            Node::SignedIn => Err(Unsupported {
                what: "a condition not made for one caller",
            }),
            Node::Input(_) => Err(Unsupported { what: "`input`" }),
            Node::ValueQuantifier { .. } | Node::Element(_) => Err(Unsupported {
                what: "`exists` or `all` over a list value",
            }),
        }
    }

    /// A stored field of the row at `place`, or its argument.
    pub(super) fn field(&mut self, place: Place, field: FieldId, part: Part) -> Lowered {
        let (Place::Row { resource, .. } | Place::Args { resource, .. }) = place;
        let described = self
            .model
            .resource(resource)
            .fields
            .get(usize::from(field.0))
            .filter(|field| field.is_stored())
            .ok_or(Unsupported {
                what: "a field that is not stored",
            })?;
        match place {
            Place::Row { alias, .. } => {
                let name = match part {
                    Part::Amount => layout::amount_column(&described.name),
                    Part::Currency => layout::currency_column(&described.name),
                    Part::Whole | Part::PrefixEnd => described.name.clone(),
                };
                self.sql.column(alias, &name);
            }
            Place::Args { first, .. } => {
                let stored = layout::stored_fields(self.model.resource(resource));
                let at = stored.take_while(|stored| stored.id != field).count();
                let at = first + u16::try_from(at).expect("fields are counted in 16 bits");
                self.sql.arg_part(at, &described.shape.ty, part);
            }
        }
        Ok(())
    }

    /// A field of the row reached from `place` over `hops`, by look-ups.
    fn reached(&mut self, place: Place, hops: &[Hop], field: FieldId, part: Part) -> Lowered {
        let Some((last, before)) = hops.split_last() else {
            return self.field(place, field, part);
        };
        let target = self.model.resource(last.target);
        let alias = self.sql.alias();
        self.sql.push("(SELECT ");
        self.field(
            Place::Row {
                alias,
                resource: target.id,
            },
            field,
            part,
        )?;
        self.sql.push(" FROM ");
        self.sql.table(&target.snake, alias);
        self.sql.push(" WHERE ");
        self.sql.live(target, alias);
        self.sql.column(alias, &target.id_field().name);
        self.sql.push(" = ");
        self.reached(place, before, last.via, Part::Whole)?;
        self.sql.push(")");
        Ok(())
    }

    /// The id of a row: what the last hop's field holds is enough.
    pub(super) fn row_id(&mut self, row: &Row) -> Lowered {
        let (from, rest) = self.resolve(row)?;
        let place = self.scope[from].place;
        match rest.split_last() {
            Some((last, before)) => self.reached(place, before, last.via, Part::Whole),
            None => {
                let (Place::Row { resource, .. } | Place::Args { resource, .. }) = place;
                let id = self.model.resource(resource).id_field().id;
                self.field(place, id, Part::Whole)
            }
        }
    }

    fn compare(&mut self, comparison: Comparison, a: &Expr, b: &Expr) -> Lowered {
        let operator = match comparison {
            Comparison::Equal => return self.equal(a, b, false),
            Comparison::NotEqual => return self.equal(a, b, true),
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
        };
        if a.ty == Type::Money || b.ty == Type::Money {
            return Err(Unsupported {
                what: "an order of money",
            });
        }
        let common = common(&a.ty, &b.ty);
        self.sql.push("(");
        self.as_number(a, common, Part::Whole)?;
        self.sql.push(operator);
        self.as_number(b, common, Part::Whole)?;
        if layout::storage(common) == crate::driver::Storage::Text {
            // What is no column goes by the database's own collation otherwise.
            self.sql.either("", " COLLATE \"C\"");
        }
        self.sql.push(")");
        Ok(())
    }

    /// Equality in which null equals null.
    fn equal(&mut self, a: &Expr, b: &Expr, negated: bool) -> Lowered {
        if a.ty == Type::Money || b.ty == Type::Money {
            self.sql.push(if negated { "NOT (" } else { "(" });
            self.equal_part(a, b, Part::Amount, false)?;
            self.sql.push(" AND ");
            self.equal_part(a, b, Part::Currency, false)?;
            self.sql.push(")");
            return Ok(());
        }
        self.equal_part(a, b, Part::Whole, negated)
    }

    fn equal_part(&mut self, a: &Expr, b: &Expr, part: Part, negated: bool) -> Lowered {
        let is_null = |expr: &Expr| matches!(expr.node, Node::Const(Value::Null));
        if is_null(a) || is_null(b) {
            let other = if is_null(a) { b } else { a };
            self.sql.push("(");
            // What a literal NULL is compared with need not have a type in PostgreSQL either.
            self.scalar(other, part)?;
            self.sql.push(if negated {
                " IS NOT NULL)"
            } else {
                " IS NULL)"
            });
            return Ok(());
        }
        let common = common(&a.ty, &b.ty);
        let nullable = a.nullable || b.nullable;
        let column = if a.nullable { a } else { b };
        // PostgreSQL uses no index for IS NOT DISTINCT FROM, so the common case of one nullable
        // column is spelled out.
        let spelled = nullable
            && !self.sql.is_sqlite()
            && !(a.nullable && b.nullable)
            && matches!(&column.node, Node::Field { row, .. } if self.resolve(row)?.1.is_empty());
        let operator = match (nullable, spelled, self.sql.is_sqlite(), negated) {
            (false, ..) | (_, true, ..) => {
                if negated {
                    " <> "
                } else {
                    " = "
                }
            }
            (true, false, true, _) => {
                if negated {
                    " IS NOT "
                } else {
                    " IS "
                }
            }
            (true, false, false, _) => {
                if negated {
                    " IS DISTINCT FROM "
                } else {
                    " IS NOT DISTINCT FROM "
                }
            }
        };
        self.sql.push("(");
        self.as_number(a, common, part)?;
        self.sql.push(operator);
        self.as_number(b, common, part)?;
        if spelled {
            self.sql.push(if negated { " OR " } else { " AND " });
            self.scalar(column, part)?;
            self.sql
                .push(if negated { " IS NULL" } else { " IS NOT NULL" });
        }
        self.sql.push(")");
        Ok(())
    }

    /// A number as `ty` has it: the millionths of SQLite's decimals do not compare with whole
    /// numbers as they are.
    fn as_number(&mut self, expr: &Expr, ty: &Type, part: Part) -> Lowered {
        let scale = self.sql.is_sqlite()
            && number(ty) == Number::Decimal
            && number(&expr.ty) == Number::Int
            && !matches!(expr.node, Node::Const(Value::Null));
        if !scale {
            return self.scalar(expr, part);
        }
        self.sql.push("(");
        self.scalar(expr, part)?;
        self.sql.push(" * ");
        self.sql.integer(MILLIONTHS);
        self.sql.push(")");
        Ok(())
    }

    fn is_in(&mut self, element: &Expr, list: &Expr) -> Lowered {
        if element.ty == Type::Money {
            return Err(Unsupported {
                what: "`in` for money",
            });
        }
        let constants: Vec<Expr>;
        let items: &[Expr] = match (&list.node, &list.ty) {
            (Node::List(items), _) => items,
            (Node::Const(Value::List(values)), Type::List(item)) => {
                constants = values
                    .iter()
                    .map(|value| Expr {
                        node: Node::Const(value.clone()),
                        ty: (**item).clone(),
                        nullable: value.is_null(),
                        at: list.at.clone(),
                    })
                    .collect();
                &constants
            }
            (_, Type::List(item)) => return self.is_element(element, list, item),
            _ => {
                return Err(Unsupported {
                    what: "`in` of something that is no list",
                });
            }
        };
        if items.is_empty() {
            self.sql.push("FALSE");
            return Ok(());
        }
        if element.nullable || items.iter().any(|item| item.nullable) {
            // With a null on either side `IN` would be unknown where it should be false.
            return self.balanced(Junction::Or, items, &mut |this, item| {
                this.equal(element, item, false)
            });
        }
        self.sql.push("(");
        self.scalar(element, Part::Whole)?;
        self.sql.push(" IN (");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.sql.push(", ");
            }
            self.as_number(item, &element.ty, Part::Whole)?;
        }
        self.sql.push("))");
        Ok(())
    }

    /// The element of a list that is stored or bound as JSON.
    fn is_element(&mut self, element: &Expr, list: &Expr, item: &Type) -> Lowered {
        let (sqlite, postgres) = match item {
            Type::Bool => ("value", "value::boolean"),
            Type::Int32 | Type::Int53 | Type::Int64 | Type::Duration => ("value", "value::bigint"),
            Type::Float => ("value", "value::double precision"),
            Type::Text | Type::Enum(_) => ("value", "value"),
            Type::Decimal => ("value", "value::numeric / 1000000"),
            Type::Date => ("value", "date '1970-01-01' + value::integer"),
            Type::Timestamp => (
                "value",
                "timestamptz 'epoch' + value::bigint * interval '1 millisecond'",
            ),
            Type::Uuid => UUID_ELEMENT,
            Type::Id(id) => match id.kind {
                IdKind::Integer => ("value", "value::bigint"),
                IdKind::Text => ("value", "value"),
                IdKind::TypeId | IdKind::Random | IdKind::Uuid => UUID_ELEMENT,
            },
            Type::Money | Type::List(_) | Type::Object(_) | Type::Json => {
                return Err(Unsupported {
                    what: "`in` for elements that are not simple values",
                });
            }
        };
        self.sql.push("(");
        self.as_number(element, item, Part::Whole)?;
        self.sql.push(" IN (SELECT ");
        self.sql.either(sqlite, postgres);
        self.sql
            .either(" FROM json_each(", " FROM json_array_elements_text(");
        self.scalar(list, Part::Whole)?;
        self.sql.either(")))", ") AS element (value)))");
        Ok(())
    }

    /// A list of values made on the spot.
    fn list(&mut self, items: &[Expr]) -> Lowered {
        let constants: Option<Vec<Value>> = items
            .iter()
            .map(|item| match &item.node {
                Node::Const(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        match (constants, items.first()) {
            (Some(values), Some(first)) => {
                let ty = Type::List(std::sync::Arc::new(first.ty.clone()));
                self.sql.constant(&Value::List(values), &ty, Part::Whole);
                Ok(())
            }
            (Some(values), None) => {
                let ty = Type::List(std::sync::Arc::new(Type::Json));
                self.sql.constant(&Value::List(values), &ty, Part::Whole);
                Ok(())
            }
            (None, _) => Err(Unsupported {
                what: "a list of computed values",
            }),
        }
    }

    /// A member of money or of an object.
    fn member(&mut self, of: &Expr, index: u16, ty: &Type, part: Part) -> Lowered {
        if of.ty == Type::Money && !matches!(of.node, Node::Member(..)) {
            return self.scalar(
                of,
                if index == 0 {
                    Part::Amount
                } else {
                    Part::Currency
                },
            );
        }
        // The whole way down to a column is one path.
        let mut names = Vec::new();
        match part {
            Part::Amount => names.push("amount"),
            Part::Currency => names.push("currency"),
            Part::Whole | Part::PrefixEnd => {}
        }
        let (mut base, mut index) = (of, index);
        loop {
            names.push(match &base.ty {
                Type::Object(object) => match object.members.get(usize::from(index)) {
                    Some(member) => &*member.name,
                    None => {
                        return Err(Unsupported {
                            what: "a member that the object does not have",
                        });
                    }
                },
                Type::Money => {
                    if index == 0 {
                        "amount"
                    } else {
                        "currency"
                    }
                }
                _ => {
                    return Err(Unsupported {
                        what: "a member of something that is no object",
                    });
                }
            });
            match &base.node {
                Node::Member(of, at) => (base, index) = (of, *at),
                _ => break,
            }
        }
        names.reverse();
        let leaf = match part {
            Part::Amount => &Type::Decimal,
            Part::Currency => &Type::Text,
            Part::Whole | Part::PrefixEnd => ty,
        };
        if self.sql.is_sqlite() {
            let (open, close) = match leaf {
                Type::Uuid => ("unhex(", ")"),
                Type::Id(id) if layout::id_storage(id) == crate::driver::Storage::Uuid => {
                    ("unhex(", ")")
                }
                _ => ("", ""),
            };
            self.sql.push(open);
            self.sql.push("json_extract(");
            self.scalar(base, Part::Whole)?;
            let path: String = names.iter().map(|name| format!(".\"{name}\"")).collect();
            self.sql.push(", ");
            self.sql.push(&crate::sql::literal(&format!("${path}")));
            self.sql.push(")");
            self.sql.push(close);
        } else {
            let (open, close) = match leaf {
                Type::Bool => ("(", ")::boolean"),
                Type::Int32 | Type::Int53 | Type::Int64 | Type::Duration => ("(", ")::bigint"),
                Type::Float => ("(", ")::double precision"),
                Type::Decimal => ("((", ")::numeric / 1000000)"),
                Type::Date => ("(date '1970-01-01' + (", ")::integer)"),
                Type::Timestamp => (
                    "(timestamptz 'epoch' + (",
                    ")::bigint * interval '1 millisecond')",
                ),
                Type::Uuid => ("(", ")::uuid"),
                Type::Id(id) => match layout::id_storage(id) {
                    crate::driver::Storage::Uuid => ("(", ")::uuid"),
                    crate::driver::Storage::Int => ("(", ")::bigint"),
                    _ => ("(", ")"),
                },
                Type::List(_) | Type::Object(_) | Type::Json => ("(", ")::json"),
                Type::Text | Type::Enum(_) | Type::Money => ("(", ") COLLATE \"C\""),
            };
            self.sql.push(open);
            self.scalar(base, Part::Whole)?;
            self.sql.push(" #>> ");
            self.sql
                .push(&crate::sql::literal(&format!("{{{}}}", names.join(","))));
            self.sql.push(close);
        }
        Ok(())
    }

    fn arith(&mut self, arith: Arith, a: &Expr, b: &Expr) -> Lowered {
        let symbol = match arith {
            Arith::Add => " + ",
            Arith::Sub => " - ",
            Arith::Mul => " * ",
            Arith::Div => " / ",
            Arith::Rem => " % ",
        };
        let text = |ty: &Type| matches!(ty, Type::Text | Type::Enum(_));
        if arith == Arith::Add && text(&a.ty) && text(&b.ty) {
            return self.operation(a, " || ", b, None);
        }
        let decimal = number(&a.ty) == Number::Decimal || number(&b.ty) == Number::Decimal;
        if decimal && self.sql.is_sqlite() {
            let both = number(&a.ty) == number(&b.ty);
            return match arith {
                Arith::Add | Arith::Sub | Arith::Rem => {
                    self.operation(a, symbol, b, Some(&Type::Decimal))
                }
                // Millionths times a whole number are millionths.
                Arith::Mul if !both => self.operation(a, symbol, b, None),
                Arith::Mul | Arith::Div => Err(Unsupported {
                    what: "a product or quotient of decimals",
                }),
            };
        }
        if !self.sql.is_sqlite() {
            if a.ty == Type::Float && matches!(arith, Arith::Mul | Arith::Div) {
                return self.small(arith, a, b);
            }
            let instant = |ty: &Type| *ty == Type::Timestamp;
            match (arith, instant(&a.ty), instant(&b.ty)) {
                (Arith::Sub, true, true) => {
                    self.sql.push("(extract(epoch from ");
                    self.operation(a, symbol, b, None)?;
                    self.sql.push(") * 1000)::bigint");
                    return Ok(());
                }
                (Arith::Add | Arith::Sub, true, false) => {
                    self.sql.push("(");
                    self.scalar(a, Part::Whole)?;
                    self.sql.push(symbol);
                    self.scalar(b, Part::Whole)?;
                    self.sql.push(" * interval '1 millisecond')");
                    return Ok(());
                }
                (Arith::Add, false, true) => return self.arith(arith, b, a),
                _ => {}
            }
        }
        self.operation(a, symbol, b, None)
    }

    fn operation(&mut self, a: &Expr, symbol: &str, b: &Expr, ty: Option<&Type>) -> Lowered {
        self.sql.push("(");
        self.as_number(a, ty.unwrap_or(&a.ty), Part::Whole)?;
        self.sql.push(symbol);
        self.as_number(b, ty.unwrap_or(&b.ty), Part::Whole)?;
        self.sql.push(")");
        Ok(())
    }

    fn call(&mut self, function: Function, args: &[Expr]) -> Lowered {
        match (function, args) {
            (Function::Size, [of]) => {
                match of.ty {
                    Type::List(_) => self.sql.either("json_array_length(", "json_array_length("),
                    // SQLite counts characters of a text too.
                    _ => self.sql.either("length(", "char_length("),
                }
                self.scalar(of, Part::Whole)?;
                self.sql.push(")");
                Ok(())
            }
            (Function::Contains, [text, part]) => {
                self.sql.either("fd_contains(", "(strpos(");
                self.scalar(text, Part::Whole)?;
                self.sql.push(", ");
                self.scalar(part, Part::Whole)?;
                self.sql.either(")", ") > 0)");
                Ok(())
            }
            (Function::StartsWith, [text, start]) => {
                self.sql.either("fd_starts_with(", "starts_with(");
                self.scalar(text, Part::Whole)?;
                self.sql.push(", ");
                self.scalar(start, Part::Whole)?;
                self.sql.push(")");
                Ok(())
            }
            (Function::EndsWith, [text, end]) => {
                // All of the text from its length minus the end's; what is longer than the text
                // gives the whole text, which is not it.
                self.sql.either("(substr(", "(right(");
                self.scalar(text, Part::Whole)?;
                self.sql.either(", length(", ", char_length(");
                if self.sql.is_sqlite() {
                    self.scalar(text, Part::Whole)?;
                    self.sql.push(") - length(");
                    self.scalar(end, Part::Whole)?;
                    self.sql.push(") + 1) = ");
                } else {
                    self.scalar(end, Part::Whole)?;
                    self.sql.push(")) = ");
                }
                self.scalar(end, Part::Whole)?;
                self.sql.push(")");
                Ok(())
            }
            (Function::LowerAscii, [text]) => self.ascii_case("lower(", text),
            (Function::UpperAscii, [text]) => self.ascii_case("upper(", text),
            (Function::ToDate, [instant]) => {
                if self.sql.is_sqlite() {
                    self.sql.push("((");
                    self.scalar(instant, Part::Whole)?;
                    self.sql.push(" + ");
                    self.sql.integer(BEFORE_EPOCH_DAYS * DAY_MS);
                    self.sql.push(") / ");
                    self.sql.integer(DAY_MS);
                    self.sql.push(" - ");
                    self.sql.integer(BEFORE_EPOCH_DAYS);
                    self.sql.push(")");
                } else {
                    self.sql.push("(");
                    self.scalar(instant, Part::Whole)?;
                    self.sql.push(" AT TIME ZONE 'UTC')::date");
                }
                Ok(())
            }
            (function, _) => Err(Unsupported {
                what: match function {
                    Function::Matches => "`matches`",
                    Function::ToTimestamp => "`timestamp`",
                    Function::ToText => "`string`",
                    Function::ToInt => "`int`",
                    Function::ToFloat => "`double`",
                    Function::MoneyTimes
                    | Function::MoneyAdd
                    | Function::MoneyNew
                    | Function::MoneyMinor => "arithmetic with money",
                    _ => "a function with other arguments than it has",
                },
            }),
        }
    }

    /// SQLite's own functions know ASCII only, as it should be.
    fn ascii_case(&mut self, function: &str, text: &Expr) -> Lowered {
        self.sql.push(function);
        self.scalar(text, Part::Whole)?;
        self.sql.either(")", " COLLATE \"C\")");
        Ok(())
    }

    fn aggregate(&mut self, kind: Aggregate, list: &ListStep, body: Option<&Expr>) -> Lowered {
        if kind != Aggregate::Count && body.is_none_or(|body| body.ty == Type::Money) {
            return Err(Unsupported {
                what: "an aggregate of money",
            });
        }
        let ty = body.map_or(&Type::Int64, |body| &body.ty);
        if let Some((sum, null_beyond)) = self.bounded(kind, ty) {
            return self.summed(list, body, sum, null_beyond);
        }
        // An empty sum is zero; an empty average, minimum or maximum is null.
        let (open, close) = match kind {
            Aggregate::Count => ("COUNT(", ")"),
            Aggregate::Sum => ("COALESCE(SUM(", "), 0)"),
            Aggregate::Avg => ("AVG(", ")"),
            Aggregate::Min => ("MIN(", ")"),
            Aggregate::Max => ("MAX(", ")"),
        };
        self.sql.push("(SELECT ");
        self.sql.push(open);
        self.over(list, body)?;
        let cast = kind == Aggregate::Sum && !self.sql.is_sqlite();
        self.sql.push(close);
        self.sql.push(if cast { "::bigint" } else { "" });
        self.from(list)?;
        self.sql.push(")");
        Ok(())
    }

    /// How sums and averages are written that a database refuses, or gives as what is no value,
    /// when they leave their range ([`expr::eval::FLOAT_SUMMED_MAX`]): SQLite's function, or what
    /// PostgreSQL selects from the values `v`.
    fn bounded(&self, kind: Aggregate, ty: &Type) -> Option<(&'static str, &'static str)> {
        Some(match (kind, number(ty)) {
            // There is room in 64 bits for as many as there can be.
            (Aggregate::Sum, Number::Int) if *ty == Type::Int32 => return None,
            (Aggregate::Sum, Number::Int) => (
                "fd_sum(",
                "CASE WHEN COALESCE(SUM(v), 0) BETWEEN -9223372036854775808 \
                 AND 9223372036854775807 THEN COALESCE(SUM(v), 0)::bigint END",
            ),
            (Aggregate::Sum, Number::Decimal) => (
                "fd_sum_decimal(",
                "CASE WHEN COALESCE(SUM(v), 0) BETWEEN -999999999999.999999 \
                 AND 999999999999.999999 THEN COALESCE(SUM(v), 0) END",
            ),
            (Aggregate::Sum, Number::Float) => (
                "fd_sum_float(",
                "CASE WHEN COUNT(*) FILTER (WHERE abs(v) > 1e290) = 0 \
                 THEN COALESCE(SUM(v) FILTER (WHERE abs(v) <= 1e290), 0.0) END",
            ),
            // A quotient that comes to nothing would be an error in PostgreSQL.
            (Aggregate::Avg, Number::Float) => (
                "fd_avg_float(",
                "CASE WHEN COUNT(*) FILTER (WHERE abs(v) > 1e290) > 0 THEN NULL \
                 WHEN abs(SUM(v) FILTER (WHERE abs(v) <= 1e290)) * 2 <= '5e-324'::float8 * COUNT(v) \
                 THEN 0.0 \
                 ELSE SUM(v) FILTER (WHERE abs(v) <= 1e290) / NULLIF(COUNT(v), 0) END",
            ),
            (Aggregate::Avg, Number::Int) if !self.sql.is_sqlite() => {
                ("", "SUM(v)::double precision / NULLIF(COUNT(v), 0)")
            }
            _ => return None,
        })
    }

    fn summed(
        &mut self,
        list: &ListStep,
        body: Option<&Expr>,
        sqlite: &str,
        postgres: &str,
    ) -> Lowered {
        self.sql.push("(SELECT ");
        if self.sql.is_sqlite() {
            self.sql.push(sqlite);
            self.over(list, body)?;
            self.sql.push(")");
            self.from(list)?;
        } else {
            let values = self.sql.alias();
            self.sql.push(postgres);
            self.sql.push(" FROM (SELECT ");
            self.over(list, body)?;
            self.sql.push(" AS v");
            self.from(list)?;
            self.sql.push(") AS ");
            self.sql.alias_name(values);
        }
        self.sql.push(")");
        Ok(())
    }

    /// What is taken of each record of the list; [`Lowering::from`] ends it.
    fn over(&mut self, list: &ListStep, body: Option<&Expr>) -> Lowered {
        let place = Place::Row {
            alias: self.sql.alias(),
            resource: list.resource,
        };
        self.bind(list.var, place);
        match body {
            Some(body) => self.scalar(body, Part::Whole),
            None => {
                self.sql.push("*");
                Ok(())
            }
        }
    }

    /// `FROM` the records of the list that [`Lowering::over`] has bound, and which of them.
    fn from(&mut self, list: &ListStep) -> Lowered {
        let resource = self.model.resource(list.resource);
        let bound = self.scope.pop();
        let Some(Known {
            place: place @ Place::Row { alias, .. },
            ..
        }) = bound
        else {
            return Err(Unsupported {
                what: "an aggregate of what is no list",
            });
        };
        self.sql.push(" FROM ");
        self.sql.table(&resource.snake, alias);
        self.sql.push(" WHERE ");
        self.sql.live(resource, alias);
        self.sql.column(alias, &resource.field(list.field).name);
        self.sql.push(" = ");
        self.row_id(&list.of)?;
        if let Some(filter) = &list.filter {
            self.sql.push(" AND ");
            self.bind(list.var, place);
            self.condition(filter)?;
            self.scope.pop();
        }
        Ok(())
    }

    /// A value if `ty` can hold it, null otherwise. It is written once, however large it is.
    fn fit(&mut self, inner: &Expr, ty: &Type) -> Lowered {
        let ends = match ty {
            Type::Int32 => "-2147483648 AND 2147483647",
            Type::Int53 => "-9007199254740991 AND 9007199254740991",
            Type::Timestamp if !self.sql.is_sqlite() => {
                "timestamptz '0001-01-01 00:00:00+00' AND timestamptz '9999-12-31 23:59:59.999+00'"
            }
            Type::Timestamp => "-62135596800000 AND 253402300799999",
            Type::Duration => "-315537897599999 AND 315537897599999",
            // No bounds are wider than these.
            _ => return self.scalar(inner, Part::Whole),
        };
        let value = self.sql.alias();
        self.sql.push("(SELECT CASE WHEN v BETWEEN ");
        self.sql.push(ends);
        self.sql.push(" THEN v END FROM (SELECT ");
        self.scalar(inner, Part::Whole)?;
        self.sql.push(" AS v) AS ");
        self.sql.alias_name(value);
        self.sql.push(")");
        Ok(())
    }

    /// A product or quotient of floats for PostgreSQL, to which one that comes to nothing, as it
    /// is smaller than any float, is an error. (That it is not too large has been proven.) It is
    /// compared with the smallest float there is without making another such result.
    fn small(&mut self, arith: Arith, a: &Expr, b: &Expr) -> Lowered {
        let value = self.sql.alias();
        self.sql.push("(SELECT CASE ");
        self.sql.push(match arith {
            Arith::Mul => {
                "WHEN a = 0 OR b = 0 THEN 0.0 \
                 WHEN abs(a) >= 1 OR abs(b) >= 1 THEN a * b \
                 WHEN abs(a) * 2 <= '5e-324'::float8 / abs(b) THEN 0.0 ELSE a * b"
            }
            _ => {
                "WHEN a = 0 THEN 0.0 \
                 WHEN abs(a) >= 1 OR abs(b) <= 1 THEN a / b \
                 WHEN abs(a) * 2 <= '5e-324'::float8 * abs(b) THEN 0.0 ELSE a / b"
            }
        });
        self.sql.push(" END FROM (SELECT ");
        self.scalar(a, Part::Whole)?;
        self.sql.push(" AS a, ");
        self.scalar(b, Part::Whole)?;
        self.sql.push(" AS b) AS ");
        self.sql.alias_name(value);
        self.sql.push(")");
        Ok(())
    }
}

/// 32 hexadecimal digits as an id.
const UUID_ELEMENT: (&str, &str) = ("unhex(value)", "value::uuid");

/// The type in which two operands are compared.
fn common<'t>(a: &'t Type, b: &'t Type) -> &'t Type {
    if number(a) == Number::Int { b } else { a }
}
