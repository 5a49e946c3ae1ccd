//! Who may do what: actions, the rules that open them, audiences and checks.

use std::sync::Arc;

use expr::Expr;
use value::FieldId;

/// What can be done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    List,
    Get,
    Create,
    /// PATCH: some fields.
    Update,
    /// PUT: all fields.
    Replace,
    Delete,
    /// Takes back a delete, where the resource deletes softly.
    Restore,
}

impl Action {
    pub const ALL: [Action; 7] = [
        Action::List,
        Action::Get,
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Delete,
        Action::Restore,
    ];

    /// The word used in contracts, logs and documents.
    pub fn name(self) -> &'static str {
        match self {
            Action::List => "list",
            Action::Get => "get",
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Delete => "delete",
            Action::Restore => "restore",
        }
    }

    /// Reads need the `….read` scope, the others `….write`.
    pub fn is_read(self) -> bool {
        matches!(self, Action::List | Action::Get)
    }
}

/// One access rule as the contract states it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The condition's text in the contract: `self || staff`. Also its name in refusals.
    pub text: String,
    /// Speaks of `this`, and of `next` in update, replace and create.
    pub condition: Arc<Expr>,
    /// The condition names `next` itself, so it is asked once with both rows at hand
    /// instead of before and after the change (law 3).
    pub names_next: bool,
}

/// The rule that opens each action; `None` means nobody but the operator (law 1).
///
/// `read` opens list and get; `write` opens create, update, replace and delete; `update`
/// opens replace too; the narrower word wins. Who may delete may restore, where the resource
/// deletes softly; otherwise nobody.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub list: Option<Rule>,
    pub get: Option<Rule>,
    pub create: Option<Rule>,
    pub update: Option<Rule>,
    pub replace: Option<Rule>,
    pub delete: Option<Rule>,
    pub restore: Option<Rule>,
}

impl Access {
    pub fn rule(&self, action: Action) -> Option<&Rule> {
        match action {
            Action::List => self.list.as_ref(),
            Action::Get => self.get.as_ref(),
            Action::Create => self.create.as_ref(),
            Action::Update => self.update.as_ref(),
            Action::Replace => self.replace.as_ref(),
            Action::Delete => self.delete.as_ref(),
            Action::Restore => self.restore.as_ref(),
        }
    }
}

/// Whom a resource or field is served and documented to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    #[default]
    Public,
    Partner,
    Private,
}

impl Audience {
    pub const ALL: [Audience; 3] = [Audience::Public, Audience::Partner, Audience::Private];

    /// As contracts and commands write it.
    pub fn name(self) -> &'static str {
        match self {
            Audience::Public => "public",
            Audience::Partner => "partner",
            Audience::Private => "private",
        }
    }

    pub fn named(name: &str) -> Option<Audience> {
        Audience::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// One entry of `check:`: must hold for every record that is written.
#[derive(Clone, Debug)]
pub struct Check {
    /// Speaks of `this` as it would become.
    pub condition: Arc<Expr>,
    pub message: String,
    /// The field the problem points at.
    pub at: Option<FieldId>,
}
