//! Names that must be unique in one document: components and operation ids.

use std::collections::HashSet;

use model::{Action, ListRelation, Model, Resource};

use crate::words::pascal;

/// The component schemas of one resource.
#[derive(Clone, Debug)]
pub struct Components {
    /// A record as it is answered.
    pub read: String,
    pub page: String,
    /// The body that asks for a list.
    pub query: String,
    pub condition: String,
    pub create: String,
    pub replace: String,
    pub patch: String,
    pub json_patch: String,
    pub batch: String,
    pub batch_answer: String,
    /// Parallel to the lists of the resource: the body that creates a record in the list.
    pub create_in: Vec<String>,
}

/// Hands out every name once.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The wish, or with a number behind it when it is taken.
    pub fn take(&mut self, wish: String) -> String {
        let mut name = wish.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{wish}{number}");
            number += 1;
        }
        name
    }
}

/// Component names of all resources, indexed by resource.
pub fn components(model: &Model, names: &mut Names) -> Vec<Components> {
    // What the contract calls so comes first, so that it keeps its name whatever is made up.
    let own: Vec<String> = model
        .resources
        .iter()
        .map(|resource| names.take(resource.name.clone()))
        .collect();
    let made = model
        .resources
        .iter()
        .zip(own)
        .map(|(resource, read)| Components {
            page: names.take(format!("{read}Page")),
            query: names.take(format!("{read}Query")),
            condition: names.take(format!("{read}Condition")),
            create: names.take(format!("{read}Create")),
            replace: names.take(format!("{read}Replace")),
            patch: names.take(format!("{read}Patch")),
            json_patch: names.take(format!("{read}JsonPatch")),
            batch: names.take(format!("{read}Batch")),
            batch_answer: names.take(format!("{read}BatchAnswer")),
            create_in: resource
                .lists
                .iter()
                .map(|list| names.take(format!("{}{}Create", read, pascal(&list.name))))
                .collect(),
            read,
        });
    made.collect()
}

/// `listBooks`, `getBook`.
pub fn operation(resource: &Resource, action: Action) -> String {
    match action {
        Action::List => format!("list{}", pascal(&resource.plural)),
        _ => format!("{}{}", action.name(), resource.name),
    }
}

/// `batchBooks`.
pub fn batch_operation(resource: &Resource) -> String {
    format!("batch{}", pascal(&resource.plural))
}

/// `queryBooks`, `queryAuthorBooks`.
pub fn query_operation(resource: &Resource, list: Option<&ListRelation>) -> String {
    match list {
        None => format!("query{}", pascal(&resource.plural)),
        Some(list) => format!("query{}{}", resource.name, pascal(&list.name)),
    }
}

/// `listAuthorBooks`, `createAuthorBook`.
pub fn nested_operation(
    model: &Model,
    parent: &Resource,
    list: &ListRelation,
    action: Action,
) -> String {
    let alone = parent
        .lists
        .iter()
        .filter(|other| other.resource == list.resource)
        .count()
        == 1;
    let of_list = pascal(&list.name);
    match action {
        // With several lists of one kind, the kind does not tell which is meant.
        Action::Create if alone => {
            format!(
                "create{}{}",
                parent.name,
                model.resource(list.resource).name
            )
        }
        action => format!("{}{}{of_list}", action.name(), parent.name),
    }
}
