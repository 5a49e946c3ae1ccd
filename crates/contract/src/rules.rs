//! Compiles rules and formulas, and answers the checker's questions about the contract.
//!
//! Rules and computed fields may use each other in any order. They are compiled on demand, but
//! never one inside another: when checking one asks for another that is not ready, the check is
//! thrown away, the other is compiled first, and the check repeated. So neither a long chain of
//! rules nor a cycle can use up the stack; what is being compiled is a list, and asking for
//! something that is on it is a cycle (law 4).

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use diag::{Diagnostic, Diagnostics, Sources};
use expr::ir::RuleDef;
use expr::schema::{Property as Meaning, Schema, Unresolved, UserField};
use expr::{Expr, Scope};
use model::FieldKind;
use value::{FieldId, ResourceId, Value};

use crate::doubts::Doubts;
use crate::person;
use crate::read::{Item, Text};
use crate::resolve::{Draft, Property, ResourceDraft};
use crate::sections::Sections;

/// Something with a name that expressions can use and that is itself an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// Index into the contract's rules.
    Shared(usize),
    /// Index into the resource's rules.
    Own(ResourceId, usize),
    Computed(ResourceId, FieldId),
}

#[derive(Clone, Debug)]
enum Ready {
    Rule(Arc<RuleDef>),
    Formula(Arc<Expr>),
    /// Wrong, which has been reported.
    Broken,
}

/// The checker's code for a name that exists, but not in this place.
const NOT_HERE: &str = "E0314";

/// The checker's code for a formula that may be null where its field may not.
const MAY_BE_NULL: &str = "E0331";

/// The checker's codes that speak of the type a formula is to give.
const ABOUT_THE_TYPE: [&str; 5] = ["E0322", "E0323", "E0324", MAY_BE_NULL, "E0340"];

/// The rules and formulas of a contract.
pub struct Rulebook<'d, 'r, 'a> {
    draft: &'d Draft<'r, 'a>,
    sections: &'d Sections<'r, 'a>,
    sources: &'d Sources,
    built_in: Vec<Arc<RuleDef>>,
    shared: HashMap<&'a str, usize>,
    ready: RefCell<HashMap<Part, Ready>>,
    /// What is being compiled, each because the one before asked for it.
    under_way: RefCell<Vec<Part>>,
    /// What the check that is running asked for and was not ready.
    wanted: Cell<Option<Part>>,
    doubts: RefCell<Doubts<'a>>,
}

impl<'d, 'r, 'a> Rulebook<'d, 'r, 'a> {
    /// Compiles every rule and every computed field.
    pub fn compile(
        draft: &'d Draft<'r, 'a>,
        sections: &'d Sections<'r, 'a>,
        sources: &'d Sources,
        out: &mut Diagnostics,
    ) -> Rulebook<'d, 'r, 'a> {
        let book = Rulebook {
            draft,
            sections,
            sources,
            built_in: expr::builtin_rules(),
            shared: sections
                .rules
                .iter()
                .enumerate()
                .map(|(at, (key, _))| (key.value.as_str(), at))
                .collect(),
            ready: RefCell::default(),
            under_way: RefCell::default(),
            wanted: Cell::new(None),
            doubts: RefCell::default(),
        };
        for at in 0..sections.rules.len() {
            book.settle(Part::Shared(at), out);
        }
        for resource in &draft.resources {
            for at in 0..rules_of(resource.item).len() {
                book.settle(Part::Own(resource.id, at), out);
            }
            for field in &resource.fields {
                if field
                    .declared
                    .is_some_and(|d| d.item.entry("value").is_some())
                {
                    book.settle(Part::Computed(resource.id, field.field.id), out);
                }
            }
        }
        book
    }

    /// The contract's own rules that are right, in order.
    pub fn shared(&self) -> Vec<Arc<RuleDef>> {
        (0..self.sections.rules.len())
            .filter_map(|at| self.rule_of(Part::Shared(at)))
            .collect()
    }

    /// A resource's rules that are right, in order.
    pub fn own(&self, resource: ResourceId) -> Vec<Arc<RuleDef>> {
        let count = rules_of(self.draft.resources[usize::from(resource.0)].item).len();
        (0..count)
            .filter_map(|at| self.rule_of(Part::Own(resource, at)))
            .collect()
    }

    /// The formula of a computed field.
    pub fn computed(&self, resource: ResourceId, field: FieldId) -> Option<Arc<Expr>> {
        match self.ready.borrow().get(&Part::Computed(resource, field)) {
            Some(Ready::Formula(formula)) => Some(Arc::clone(formula)),
            _ => None,
        }
    }

    /// Checks an expression that has no name, such as an access rule.
    ///
    /// `help` is for names that exist elsewhere, but not where this expression stands.
    pub fn check(
        &self,
        text: Text<'a>,
        scope: &Scope,
        help: &str,
        out: &mut Diagnostics,
    ) -> Option<Expr> {
        let (found, problems) = expr::check(source(text).0, scope, self);
        self.report(text, problems, help, out);
        if let Some(expr) = &found {
            self.doubt(text, expr);
        }
        found
    }

    /// What is doubtful in the expressions checked so far.
    pub fn doubts(&self) -> Ref<'_, Doubts<'a>> {
        self.doubts.borrow()
    }

    fn doubt(&self, text: Text<'a>, expr: &Expr) {
        let skipped = source(text).1;
        self.doubts
            .borrow_mut()
            .note(text, skipped, expr, self.draft);
    }

    /// As [`Rulebook::check`] of a formula whose type is not known, because it is wrong.
    pub fn check_without_type(&self, text: Text<'a>, help: &str, out: &mut Diagnostics) {
        let scope = Scope::formula(None, value::Type::Json, true);
        let (_, problems) = expr::check(source(text).0, &scope, self);
        self.report(text, of_any_type(problems), help, out);
    }

    /// Places an expression's problems in the file.
    ///
    /// `help` as for [`Rulebook::check`].
    pub fn report(
        &self,
        text: Text<'a>,
        problems: Vec<expr::Problem>,
        help: &str,
        out: &mut Diagnostics,
    ) {
        let skipped = source(text).1;
        for mut problem in problems {
            if problem.code == NOT_HERE && problem.help.is_none() {
                problem.help = Some(help.to_owned()).filter(|help| !help.is_empty());
            }
            if problem.code == MAY_BE_NULL {
                problem.help = Some(
                    "put a `?` behind the field's name, or say what it is instead: `x != null ? x : 0`"
                        .to_owned(),
                );
            }
            let at = problem.at.start + skipped..problem.at.end + skipped;
            let mut found =
                Diagnostic::error(problem.code, text.part(self.sources, at), problem.message)
                    .label(problem.label);
            if let Some(help) = problem.help {
                found = found.help(help);
            }
            out.push(found);
        }
    }

    /// The resource whose records are people.
    pub fn people(&self) -> Option<&ResourceDraft<'r, 'a>> {
        let people = self.draft.users?;
        Some(&self.draft.resources[usize::from(people.0)])
    }

    pub fn sources(&self) -> &'d Sources {
        self.sources
    }

    fn rule_of(&self, part: Part) -> Option<Arc<RuleDef>> {
        match self.ready.borrow().get(&part) {
            Some(Ready::Rule(rule)) => Some(Arc::clone(rule)),
            _ => None,
        }
    }

    /// Compiles a part and everything it needs.
    fn settle(&self, part: Part, out: &mut Diagnostics) {
        self.under_way.borrow_mut().push(part);
        loop {
            let Some(part) = self.under_way.borrow().last().copied() else {
                return;
            };
            if !self.ready.borrow().contains_key(&part) {
                self.wanted.set(None);
                let (ready, problems) = self.attempt(part);
                if let Some(other) = self.wanted.take() {
                    self.under_way.borrow_mut().push(other);
                    continue;
                }
                if let Some(text) = self.text(part) {
                    let help = match part {
                        Part::Shared(_) => {
                            "rules at the top of the contract know the caller only: move this one to the `rules:` of the resource it speaks of"
                        }
                        Part::Own(..) => {
                            "a rule of a resource speaks of `this` record and the `user`"
                        }
                        Part::Computed(..) => "it is computed from `this` record when it is read",
                    };
                    self.report(text, problems, help, out);
                    match &ready {
                        Ready::Rule(rule) => self.doubt(text, &rule.body),
                        Ready::Formula(formula) => self.doubt(text, formula),
                        Ready::Broken => {}
                    }
                }
                self.ready.borrow_mut().insert(part, ready);
            }
            self.under_way.borrow_mut().pop();
        }
    }

    fn attempt(&self, part: Part) -> (Ready, Vec<expr::Problem>) {
        let Some(text) = self.text(part) else {
            return (Ready::Broken, vec![]);
        };
        let source = source(text).0;
        let (scope, name) = match part {
            Part::Shared(at) => (Scope::rule(None), self.sections.rules[at].0.value.as_str()),
            Part::Own(resource, at) => {
                let item = self.draft.resources[usize::from(resource.0)].item;
                (Scope::rule(Some(resource)), rules_of(item)[at].name)
            }
            Part::Computed(resource, field) => {
                let draft = self.draft.resources[usize::from(resource.0)].field(field);
                let shape = &draft.field.shape;
                let scope = Scope::computed(resource, shape.ty.clone(), shape.nullable);
                let (found, problems) = expr::check(source, &scope, self);
                let ready = match found {
                    Some(formula) if !draft.broken => Ready::Formula(Arc::new(formula)),
                    _ => Ready::Broken,
                };
                // Nobody can say what the formula of a field without a type must give.
                let problems = match draft.broken {
                    true => of_any_type(problems),
                    false => problems,
                };
                return (ready, problems);
            }
        };
        let (found, problems) = expr::check(source, &scope, self);
        let ready = match found {
            Some(body) => Ready::Rule(Arc::new(RuleDef {
                name: name.into(),
                resource: scope.this,
                body,
            })),
            None => Ready::Broken,
        };
        (ready, problems)
    }

    fn text(&self, part: Part) -> Option<Text<'a>> {
        match part {
            Part::Shared(at) => self.sections.rules[at].1.as_text(),
            Part::Own(resource, at) => {
                let item = self.draft.resources[usize::from(resource.0)].item;
                rules_of(item)[at].item.as_text()
            }
            Part::Computed(resource, field) => self.draft.resources[usize::from(resource.0)]
                .field(field)
                .declared?
                .item
                .text("value"),
        }
    }

    /// For messages: `viewer` and `List.viewer`.
    fn name(&self, part: Part) -> String {
        let resource = |id: ResourceId| self.draft.resources[usize::from(id.0)].name();
        match part {
            Part::Shared(at) => self.sections.rules[at].0.value.clone(),
            Part::Own(id, at) => {
                let item = self.draft.resources[usize::from(id.0)].item;
                format!("{}.{}", resource(id), rules_of(item)[at].name)
            }
            Part::Computed(id, field) => {
                let field = self.draft.resources[usize::from(id.0)].field(field);
                format!("{}.{}", resource(id), field.field.name)
            }
        }
    }

    fn ask(&self, part: Part) -> Result<Ready, Unresolved> {
        if let Some(ready) = self.ready.borrow().get(&part) {
            return match ready {
                Ready::Broken => Err(Unresolved::Broken),
                ready => Ok(ready.clone()),
            };
        }
        let under_way = self.under_way.borrow();
        if let Some(start) = under_way.iter().position(|other| *other == part) {
            let mut names: Vec<String> = under_way[start..]
                .iter()
                .map(|part| self.name(*part))
                .collect();
            names.push(self.name(part));
            return Err(Unresolved::Cycle(names));
        }
        if self.wanted.get().is_none() {
            self.wanted.set(Some(part));
        }
        Err(Unresolved::Broken)
    }

    fn ask_rule(&self, part: Part) -> Result<Arc<RuleDef>, Unresolved> {
        match self.ask(part)? {
            Ready::Rule(rule) => Ok(rule),
            _ => Err(Unresolved::Broken),
        }
    }
}

impl Schema for Rulebook<'_, '_, '_> {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Meaning, Unresolved> {
        let draft = &self.draft.resources[usize::from(resource.0)];
        let Some(property) = draft.properties.get(name) else {
            return Err(if draft.torn {
                Unresolved::Broken
            } else {
                Unresolved::Unknown
            });
        };
        match *property {
            Property::Broken => Err(Unresolved::Broken),
            Property::Field(id) => {
                let field = &draft.field(id).field;
                Ok(Meaning::Field {
                    id,
                    ty: field.shape.ty.clone(),
                    nullable: field.shape.nullable,
                })
            }
            Property::Relation(via) => {
                let field = &draft.field(via).field;
                match field.kind {
                    FieldKind::Relation { target, .. } => Ok(Meaning::Relation {
                        via,
                        target,
                        nullable: field.shape.nullable,
                    }),
                    _ => Err(Unresolved::Broken),
                }
            }
            Property::List(at) => {
                let list = &draft.lists[at];
                Ok(Meaning::List {
                    resource: list.resource,
                    field: list.field,
                })
            }
            Property::Rule(at) => self.ask_rule(Part::Own(resource, at)).map(Meaning::Rule),
            Property::Computed(id) => {
                let shape = &draft.field(id).field.shape;
                match self.ask(Part::Computed(resource, id))? {
                    Ready::Formula(formula) => Ok(Meaning::Computed {
                        ty: shape.ty.clone(),
                        nullable: shape.nullable,
                        formula,
                    }),
                    _ => Err(Unresolved::Broken),
                }
            }
        }
    }

    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
        let mut torn = self.sections.torn.rules;
        if let Some(id) = resource {
            let draft = &self.draft.resources[usize::from(id.0)];
            torn |= draft.item.node.torn
                || draft
                    .item
                    .entry("rules")
                    .is_some_and(|rules| rules.item.is_broken() || rules.item.odd);
            let rules = rules_of(draft.item);
            if let Some(at) = rules.iter().position(|entry| entry.name == name) {
                return self.ask_rule(Part::Own(id, at));
            }
        }
        if let Some(at) = self.shared.get(name) {
            return self.ask_rule(Part::Shared(*at));
        }
        match self.built_in.iter().find(|rule| *rule.name == *name) {
            Some(rule) => Ok(Arc::clone(rule)),
            None if torn => Err(Unresolved::Broken),
            None => Err(Unresolved::Unknown),
        }
    }

    fn user(&self, name: &str) -> UserField {
        let Some(people) = self.draft.users else {
            return UserField::Open;
        };
        match person::field(&self.draft.resources[usize::from(people.0)], "user.", name) {
            Ok(field) => UserField::Field(field.shape.ty.clone()),
            Err(None) => UserField::Broken,
            Err(Some(wrong)) => UserField::Wrong {
                message: wrong.message,
                label: wrong.label,
                help: wrong.help,
            },
        }
    }

    fn limits(&self, resource: ResourceId, field: FieldId) -> (Option<Value>, Option<Value>) {
        let draft = &self.draft.resources[usize::from(resource.0)];
        draft.field(field).field.shape.constraints.ends()
    }

    fn property_names(&self, resource: ResourceId) -> Vec<String> {
        let draft = &self.draft.resources[usize::from(resource.0)];
        // The id of a field that is wrong is there only if it was meant to be a relation.
        let broken = |name: &str| matches!(draft.properties.get(name), Some(Property::Broken));
        let perhaps = |name: &str| broken(name) && name.strip_suffix("_id").is_some_and(broken);
        let known = draft.properties.keys().filter(|name| !perhaps(name));
        let mut names: Vec<String> = known.cloned().collect();
        names.sort_unstable();
        names
    }

    fn rule_names(&self, resource: Option<ResourceId>) -> Vec<String> {
        let own = resource
            .map(|id| rules_of(self.draft.resources[usize::from(id.0)].item))
            .unwrap_or_default();
        own.iter()
            .map(|entry| entry.name.to_owned())
            .chain(self.sections.rules.iter().map(|(key, _)| key.value.clone()))
            .chain(self.built_in.iter().map(|rule| rule.name.to_string()))
            .collect()
    }

    fn resource_name(&self, resource: ResourceId) -> &str {
        self.draft.resources[usize::from(resource.0)].name()
    }
}

fn rules_of<'i, 'a>(resource: &'i Item<'a>) -> &'i [crate::read::Entry<'a>] {
    resource.get("rules").map(Item::entries).unwrap_or_default()
}

/// What is wrong with a formula whatever it is to give.
fn of_any_type(mut problems: Vec<expr::Problem>) -> Vec<expr::Problem> {
    problems.retain(|problem| !ABOUT_THE_TYPE.contains(&problem.code));
    problems
}

/// The expression in a text, and how many bytes stand in front of it: the `=` of a formula.
fn source(text: Text<'_>) -> (&str, usize) {
    let written = text.as_str();
    match written.strip_prefix('=') {
        Some(formula) => (formula, 1),
        None => (written, 0),
    }
}
