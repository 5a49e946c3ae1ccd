//! "Who can do what": what a contract opens to whom, as data and as a table to read.

use std::fmt::Write;

use model::{Action, Model};

/// Who can do what in a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub resources: Vec<ResourceWho>,
}

/// One resource's part of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceWho {
    pub resource: String,
    /// Actions opened by the same rule, in the order of [`Action::ALL`].
    pub opened: Vec<Opened>,
    /// Fields with rules of their own.
    pub fields: Vec<FieldWho>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub actions: Vec<Action>,
    /// The rule as the contract states it; `None` is nobody.
    pub rule: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldWho {
    pub field: String,
    pub read: Option<String>,
    pub write: Option<String>,
}

/// The table of a model.
pub fn who(model: &Model) -> Who {
    let resources = model.resources.iter().map(|resource| {
        let mut opened: Vec<Opened> = vec![];
        let soft = resource.soft_delete.is_some();
        let offered = Action::ALL
            .into_iter()
            .filter(|action| soft || *action != Action::Restore);
        for action in offered {
            let rule = resource
                .access
                .rule(action)
                .map(|rule| one_line(&rule.text));
            match opened.iter_mut().find(|other| other.rule == rule) {
                Some(other) => other.actions.push(action),
                None => opened.push(Opened {
                    actions: vec![action],
                    rule,
                }),
            }
        }
        let fields = resource
            .fields
            .iter()
            .filter(|field| field.read.is_some() || field.write.is_some())
            .map(|field| FieldWho {
                field: field.name.clone(),
                read: field.read.as_ref().map(|rule| one_line(&rule.text)),
                write: field.write.as_ref().map(|rule| one_line(&rule.text)),
            })
            .collect();
        ResourceWho {
            resource: resource.name.clone(),
            opened,
            fields,
        }
    });
    Who {
        resources: resources.collect(),
    }
}

impl Who {
    /// The table as text: resource, actions, who.
    ///
    /// ```text
    /// Book    list get                      public
    ///         create update replace delete  staff
    /// ```
    pub fn to_text(&self) -> String {
        let mut rows: Vec<[String; 3]> = vec![];
        for resource in &self.resources {
            let mut name = resource.resource.clone();
            for opened in &resource.opened {
                let actions: Vec<&str> = opened.actions.iter().map(|a| a.name()).collect();
                let rule = opened.rule.as_deref().unwrap_or("nobody");
                rows.push([
                    std::mem::take(&mut name),
                    actions.join(" "),
                    rule.to_owned(),
                ]);
            }
            for field in &resource.fields {
                for (verb, rule) in [("read", &field.read), ("write", &field.write)] {
                    if let Some(rule) = rule {
                        rows.push([
                            String::new(),
                            format!("{verb} {}", field.field),
                            rule.clone(),
                        ]);
                    }
                }
            }
        }
        let width = |column: usize| {
            let longest = rows.iter().map(|row| row[column].chars().count()).max();
            longest.unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        let mut text = String::new();
        for [resource, actions, rule] in &rows {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{resource:first$}  {actions:second$}  {rule}");
        }
        text
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
