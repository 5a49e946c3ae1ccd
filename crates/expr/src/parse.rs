//! Tokens to a tree: a Pratt parser for our subset of CEL.
//!
//! ```text
//! expression = binary ["?" expression ":" expression]
//! binary     = unary {operator unary}            || < && < comparisons, in < + - < * / %
//! unary      = {"!" | "-"} postfix
//! postfix    = primary {"." name ["(" arguments ")"]}
//! primary    = literal | name ["(" arguments ")"] | "(" expression ")" | "[" arguments "]"
//! ```
//!
//! Reports what other languages would write and reads it as what was meant; stops at the
//! first thing it cannot make sense of. Never recurses deeper than [`NESTING_MAX`].

use crate::ast::{Ast, At, Binary, Kind, NESTING_MAX, NODES_MAX, SOURCE_BYTES_MAX, Word, range};
use crate::lexer::{Lexed, Token, lex};
use crate::problem::Problem;

/// The tree, if there is one, and what is wrong. There may be both.
pub fn parse(source: &str) -> (Option<Ast>, Vec<Problem>) {
    if source.len() > SOURCE_BYTES_MAX {
        let problem = Problem::new(
            "E0302",
            0..source.len(),
            format!(
                "an expression has at most {SOURCE_BYTES_MAX} bytes; this has {}",
                source.len()
            ),
            "too long",
        )
        .help("give parts of it names of their own under `rules:`");
        return (None, vec![problem]);
    }
    let Lexed {
        tokens,
        problems,
        stopped,
    } = lex(source);
    // Where the lexer stopped, the parser would only stumble over the cut.
    if stopped {
        return (None, problems);
    }
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        nesting: 0,
        nodes: 0,
        problems,
    };
    let ast = parser.whole();
    (ast, parser.problems)
}

/// The problem has been reported.
struct Stop;

type Parsed<T = Ast> = Result<T, Stop>;

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<(Token, At)>,
    /// Index of the token to be read next; [`Token::End`] is never passed.
    next: usize,
    nesting: u16,
    nodes: usize,
    problems: Vec<Problem>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Binary(Binary),
}

impl Operator {
    /// Higher binds tighter.
    fn power(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Binary(
                Binary::Equal
                | Binary::NotEqual
                | Binary::Less
                | Binary::LessOrEqual
                | Binary::Greater
                | Binary::GreaterOrEqual
                | Binary::In,
            ) => COMPARISON,
            Operator::Binary(Binary::Add | Binary::Sub) => 4,
            Operator::Binary(Binary::Mul | Binary::Div | Binary::Rem) => 5,
        }
    }
}

const COMPARISON: u8 = 3;

impl Parser<'_> {
    fn whole(&mut self) -> Option<Ast> {
        if *self.peek() == Token::End {
            let all = 0..self.source.len();
            self.problems.push(
                Problem::new("E0300", all, "the expression is empty", "nothing here")
                    .help("write a condition such as `signed_in` or `this.owner_id == user.id`"),
            );
            return None;
        }
        let ast = self.expression().ok()?;
        if *self.peek() == Token::End {
            return Some(ast);
        }
        self.unexpected_tail();
        None
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.next].0
    }

    fn peek_at(&self) -> At {
        self.tokens[self.next].1.clone()
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn advance(&mut self) {
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.advance();
        }
        found
    }

    /// End of the token read last.
    fn end(&self) -> u32 {
        match self.next {
            0 => 0,
            next => self.tokens[next - 1].1.end,
        }
    }

    fn report(&mut self, problem: Problem) -> Stop {
        self.problems.push(problem);
        Stop
    }

    fn node(&mut self, kind: Kind, at: At, below: u16) -> Parsed {
        self.nodes += 1;
        let depth = below + 1;
        if depth > NESTING_MAX {
            return Err(self.too_deep(at));
        }
        if self.nodes > NODES_MAX {
            let problem = Problem::new(
                "E0302",
                range(&at),
                format!("an expression has at most {NODES_MAX} parts"),
                "one too many",
            )
            .help("give parts of it names of their own under `rules:`");
            return Err(self.report(problem));
        }
        Ok(Ast { kind, at, depth })
    }

    fn too_deep(&mut self, at: At) -> Stop {
        let problem = Problem::new(
            "E0302",
            range(&at),
            format!("this is nested more than {NESTING_MAX} levels deep"),
            "too deep",
        )
        .help("give parts of it names of their own under `rules:`");
        self.report(problem)
    }

    fn deeper(&mut self) -> Parsed<()> {
        if self.nesting >= NESTING_MAX {
            return Err(self.too_deep(self.peek_at()));
        }
        self.nesting += 1;
        Ok(())
    }

    fn expression(&mut self) -> Parsed {
        self.deeper()?;
        let condition = self.binary(1)?;
        let whole = if self.is("?") {
            self.conditional(condition)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(whole)
    }

    fn conditional(&mut self, condition: Ast) -> Parsed {
        let question = self.peek_at();
        self.advance();
        let then = self.expression()?;
        if !self.eat(":") {
            let problem = Problem::new(
                "E0300",
                range(&question),
                "a `?` needs its `:`",
                "the other value is missing",
            )
            .help("write `condition ? value : other_value`");
            return Err(self.report(problem));
        }
        let otherwise = self.expression()?;
        let at = condition.at.start..otherwise.at.end;
        let below = condition.depth.max(then.depth).max(otherwise.depth);
        self.node(Kind::If(Box::new([condition, then, otherwise])), at, below)
    }

    fn binary(&mut self, power: u8) -> Parsed {
        // Parenthesised: `((a))` must not look like a chain of `a < b < c`.
        let mut open_comparison = None;
        let mut left = self.unary()?;
        while let Some(operator) = self.operator() {
            if operator.power() < power {
                break;
            }
            let sign = self.peek_at();
            self.advance();
            if *self.peek() == Token::End {
                return Err(self.nothing_after(sign));
            }
            if operator.power() == COMPARISON
                && let Some(first) = open_comparison.replace(sign.clone())
            {
                return Err(self.chained(first, sign));
            }
            let right = self.binary(operator.power() + 1)?;
            left = self.combine(operator, left, right)?;
        }
        Ok(left)
    }

    fn combine(&mut self, operator: Operator, left: Ast, right: Ast) -> Parsed {
        let at = left.at.start..right.at.end;
        let below = left.depth.max(right.depth);
        match operator {
            Operator::Binary(op) => {
                let kind = Kind::Binary {
                    op,
                    left: Box::new(left),
                    right: Box::new(right),
                };
                self.node(kind, at, below)
            }
            // Long chains of && and || stay flat.
            Operator::And => match left {
                Ast {
                    kind: Kind::And(mut parts),
                    depth,
                    ..
                } => {
                    let below = right.depth.max(depth - 1);
                    parts.push(right);
                    self.node(Kind::And(parts), at, below)
                }
                left => self.node(Kind::And(vec![left, right]), at, below),
            },
            Operator::Or => match left {
                Ast {
                    kind: Kind::Or(mut parts),
                    depth,
                    ..
                } => {
                    let below = right.depth.max(depth - 1);
                    parts.push(right);
                    self.node(Kind::Or(parts), at, below)
                }
                left => self.node(Kind::Or(vec![left, right]), at, below),
            },
        }
    }

    /// The operator at hand, if any. Words of other languages are reported and understood.
    fn operator(&mut self) -> Option<Operator> {
        let symbol = match self.peek() {
            Token::Symbol(symbol) => *symbol,
            Token::Name(name) if name == "in" => "in",
            Token::Name(_) => return self.foreign_operator(),
            _ => return None,
        };
        Some(match symbol {
            "||" => Operator::Or,
            "&&" => Operator::And,
            "==" => Operator::Binary(Binary::Equal),
            "!=" => Operator::Binary(Binary::NotEqual),
            "<" => Operator::Binary(Binary::Less),
            "<=" => Operator::Binary(Binary::LessOrEqual),
            ">" => Operator::Binary(Binary::Greater),
            ">=" => Operator::Binary(Binary::GreaterOrEqual),
            "in" => Operator::Binary(Binary::In),
            "+" => Operator::Binary(Binary::Add),
            "-" => Operator::Binary(Binary::Sub),
            "*" => Operator::Binary(Binary::Mul),
            "/" => Operator::Binary(Binary::Div),
            "%" => Operator::Binary(Binary::Rem),
            _ => return None,
        })
    }

    /// `and`, `or`, `is`, `is not`: reported once, by turning the tokens into what was meant.
    fn foreign_operator(&mut self) -> Option<Operator> {
        let Token::Name(name) = self.peek() else {
            return None;
        };
        let word = name.to_ascii_lowercase();
        let mut at = self.peek_at();
        let (written, meant) = match word.as_str() {
            "and" => ("and", "&&"),
            "or" => ("or", "||"),
            "eq" => ("eq", "=="),
            "ne" => ("ne", "!="),
            "lt" => ("lt", "<"),
            "le" | "lte" => ("le", "<="),
            "gt" => ("gt", ">"),
            "ge" | "gte" => ("ge", ">="),
            "mod" => ("mod", "%"),
            "is" => match self.tokens.get(self.next + 1) {
                Some((Token::Name(not), not_at)) if not.eq_ignore_ascii_case("not") => {
                    at.end = not_at.end;
                    self.tokens.remove(self.next);
                    ("is not", "!=")
                }
                _ => ("is", "=="),
            },
            _ => return None,
        };
        let problem = Problem::new(
            "E0303",
            range(&at),
            format!("`{written}` is not an operator here"),
            "a word of another language",
        )
        .help(format!("write `{meant}`"));
        self.problems.push(problem);
        self.tokens[self.next] = (Token::Symbol(meant), at);
        self.operator()
    }

    fn chained(&mut self, first: At, second: At) -> Stop {
        let problem = Problem::new(
            "E0300",
            first.start as usize..second.end as usize,
            "comparisons cannot be chained",
            "two comparisons without `&&` or `||`",
        )
        .help("write `a < b && b < c`, or put one of them in parentheses");
        self.report(problem)
    }

    fn nothing_after(&mut self, sign: At) -> Stop {
        let text = &self.source[range(&sign)];
        let problem = Problem::new(
            "E0300",
            range(&sign),
            format!("nothing stands after `{text}`"),
            "the right side is missing",
        )
        .help("write what it is to be combined with");
        self.report(problem)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.peek_at().start;
        if self.eat("!") {
            self.deeper()?;
            let inner = self.unary()?;
            self.nesting -= 1;
            let at = start..inner.at.end;
            let below = inner.depth;
            return self.node(Kind::Not(Box::new(inner)), at, below);
        }
        if self.eat("-") {
            return self.negative(start);
        }
        if self.foreign_not() {
            return self.unary();
        }
        let primary = self.primary()?;
        self.postfix(primary)
    }

    /// After a `-`.
    fn negative(&mut self, start: u32) -> Parsed {
        let at = start..self.peek_at().end;
        match *self.peek() {
            Token::Int(digits) if digits <= i64::MIN.unsigned_abs() => {
                self.advance();
                let number = self.node(Kind::Int((digits as i64).wrapping_neg()), at, 0)?;
                self.postfix(number)
            }
            Token::Float(number) => {
                self.advance();
                let number = self.node(Kind::Float(-number), at, 0)?;
                self.postfix(number)
            }
            _ => {
                self.deeper()?;
                let inner = self.unary()?;
                self.nesting -= 1;
                let at = start..inner.at.end;
                let below = inner.depth;
                self.node(Kind::Neg(Box::new(inner)), at, below)
            }
        }
    }

    /// `not x`: reported and read as `!x`.
    fn foreign_not(&mut self) -> bool {
        let Token::Name(name) = self.peek() else {
            return false;
        };
        if !name.eq_ignore_ascii_case("not") {
            return false;
        }
        let operand = match self.tokens.get(self.next + 1) {
            Some((Token::Symbol(symbol), _)) => matches!(*symbol, "(" | "!"),
            Some((Token::End, _)) | None => false,
            Some(_) => true,
        };
        if !operand {
            return false;
        }
        let at = self.peek_at();
        let problem = Problem::new(
            "E0303",
            range(&at),
            "`not` is not an operator here",
            "a word of another language",
        )
        .help("write `!` directly before the condition, such as `!signed_in` or `!(a || b)`");
        self.problems.push(problem);
        self.tokens[self.next] = (Token::Symbol("!"), at);
        true
    }

    fn postfix(&mut self, mut of: Ast) -> Parsed {
        loop {
            if self.is("[") {
                return Err(self.no_index(&of));
            }
            if !self.eat(".") {
                return Ok(of);
            }
            let at = self.peek_at();
            let Token::Name(name) = self.peek().clone() else {
                let problem = Problem::new(
                    "E0300",
                    range(&at),
                    "a name is expected after `.`",
                    "no name",
                )
                .help("write the name of a field, such as `this.title`");
                return Err(self.report(problem));
            };
            self.advance();
            let word = Word {
                text: name,
                at: at.clone(),
            };
            let start = of.at.start;
            of = if self.is("(") {
                let (arguments, below) = self.arguments(")")?;
                let below = below.max(of.depth);
                let kind = Kind::Call {
                    of: Some(Box::new(of)),
                    name: word,
                    arguments,
                };
                let end = self.end();
                self.node(kind, start..end, below)?
            } else {
                let below = of.depth;
                self.node(
                    Kind::Member {
                        of: Box::new(of),
                        name: word,
                    },
                    start..at.end,
                    below,
                )?
            };
        }
    }

    fn no_index(&mut self, of: &Ast) -> Stop {
        let text = &self.source[of.range()];
        let help = match self.tokens.get(self.next + 1) {
            Some((Token::Text(name), _)) => format!("write `{text}.{name}`"),
            _ => format!("ask about all elements: `x in {text}` or `{text}.exists(x, …)`"),
        };
        let at = range(&self.peek_at());
        self.report(
            Problem::new(
                "E0304",
                at,
                "elements cannot be picked with `[…]`",
                "not available",
            )
            .help(help),
        )
    }

    /// From the opening bracket to the closing one, and the depth below.
    fn arguments(&mut self, close: &'static str) -> Parsed<(Vec<Ast>, u16)> {
        let open = self.peek_at();
        self.advance();
        let mut arguments = vec![];
        let mut below = 0;
        while !self.eat(close) {
            let argument = self.expression()?;
            below = below.max(argument.depth);
            arguments.push(argument);
            if self.eat(",") || self.is(close) {
                continue;
            }
            return Err(self.unclosed(open, close));
        }
        Ok((arguments, below))
    }

    fn unclosed(&mut self, open: At, close: &str) -> Stop {
        let opened = &self.source[range(&open)];
        if *self.peek() == Token::End {
            let problem = Problem::new(
                "E0300",
                range(&open),
                format!("this `{opened}` is never closed"),
                "opened here",
            )
            .help(format!("add the missing `{close}`"));
            return self.report(problem);
        }
        let found = &self.source[range(&self.peek_at())];
        let problem = Problem::new(
            "E0300",
            range(&self.peek_at()),
            format!("expected an operator or `{close}`, found `{found}`"),
            "not expected here",
        )
        .help(format!(
            "close with `{close}` in front of it, or join with an operator such as `&&` or `||`"
        ));
        self.report(problem)
    }

    fn primary(&mut self) -> Parsed {
        let at = self.peek_at();
        let kind = match self.peek() {
            Token::Int(digits) => match i64::try_from(*digits) {
                Ok(number) => Kind::Int(number),
                Err(_) => {
                    let problem = Problem::new(
                        "E0301",
                        range(&at),
                        format!("the number `{digits}` is too large"),
                        "too large",
                    )
                    .help("integers have 64 bits");
                    return Err(self.report(problem));
                }
            },
            Token::Float(number) => Kind::Float(*number),
            Token::Text(text) => Kind::Text(text.clone()),
            Token::Name(name) => return self.named(name.clone(), at),
            Token::Symbol("(") => return self.parenthesised(at),
            Token::Symbol("[") => {
                let (elements, below) = self.arguments("]")?;
                let end = self.end();
                return self.node(Kind::List(elements), at.start..end, below);
            }
            Token::Symbol("{") => {
                let problem = Problem::new(
                    "E0304",
                    range(&at),
                    "objects cannot be written in an expression",
                    "`{` begins one",
                )
                .help("name the field by itself, without braces, and compare it: `this.owner_id == user.id`");
                return Err(self.report(problem));
            }
            Token::Symbol(_) | Token::End => return Err(self.no_operand(at)),
        };
        self.advance();
        self.node(kind, at, 0)
    }

    fn parenthesised(&mut self, open: At) -> Parsed {
        self.advance();
        let mut inner = self.expression()?;
        if !self.eat(")") {
            return Err(self.unclosed(open, ")"));
        }
        inner.at = open.start..self.end();
        Ok(inner)
    }

    fn named(&mut self, name: String, at: At) -> Parsed {
        let kind = match name.as_str() {
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "null" => Kind::Null,
            "in" => return Err(self.no_operand(at)),
            "if" | "else" | "for" | "while" | "let" | "var" | "const" | "function" | "return" => {
                let help = match name.as_str() {
                    "if" | "else" => "write `condition ? value : other_value`",
                    _ => "an expression only says what is; it has no statements",
                };
                let problem = Problem::new(
                    "E0303",
                    range(&at),
                    format!("`{name}` is a word of other languages"),
                    "not available",
                )
                .help(help);
                return Err(self.report(problem));
            }
            _ => {
                self.advance();
                let word = Word {
                    text: name,
                    at: at.clone(),
                };
                if self.is("(") {
                    let (arguments, below) = self.arguments(")")?;
                    let kind = Kind::Call {
                        of: None,
                        name: word,
                        arguments,
                    };
                    let end = self.end();
                    return self.node(kind, at.start..end, below);
                }
                return self.node(Kind::Name(word.text), at, 0);
            }
        };
        self.advance();
        self.node(kind, at, 0)
    }

    fn no_operand(&mut self, at: At) -> Stop {
        let problem = if *self.peek() == Token::End {
            let end = self.source.trim_end().len();
            Problem::new(
                "E0300",
                end..end,
                "the expression stops too early",
                "more is expected",
            )
            .help("write what is missing: a value, or a name such as `this.title` or `signed_in`")
        } else {
            let found = &self.source[range(&at)];
            Problem::new(
                "E0300",
                range(&at),
                format!("expected a value or a name, found `{found}`"),
                "not expected here",
            )
            .help(match self.source.trim() {
                "*" => "write `public` for everybody, or `signed_in` for everybody who said who they are"
                    .to_owned(),
                _ => format!(
                    "write a value or a name such as `this.title` in front of `{found}`, or remove it"
                ),
            })
        };
        self.report(problem)
    }

    fn unexpected_tail(&mut self) {
        let at = self.peek_at();
        let found = self.source[range(&at)].to_owned();
        let (message, help) = match self.peek() {
            Token::Symbol(")") => ("this `)` closes nothing".to_owned(), "remove it"),
            Token::Symbol("]" | "}") => (format!("this `{found}` closes nothing"), "remove it"),
            Token::Name(word) => {
                let help = match word.to_ascii_lowercase().as_str() {
                    "like" | "matches" | "contains" | "ilike" => {
                        "write it as a method: `this.title.contains('text')`"
                    }
                    "between" => "write `low <= x && x <= high`",
                    "not" => "write `!(x in list)`",
                    _ => "join conditions with `&&` or `||`",
                };
                (format!("expected an operator, found `{found}`"), help)
            }
            _ => (
                format!("expected an operator, found `{found}`"),
                "join conditions with `&&` or `||`",
            ),
        };
        self.problems
            .push(Problem::new("E0300", range(&at), message, "not expected here").help(help));
    }
}
