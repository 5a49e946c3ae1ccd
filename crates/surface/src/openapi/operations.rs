//! Paths and operations: what can be asked where, by whom, and how it can end.

use std::collections::BTreeMap;

use model::place::PathValue;
use model::{Action, Audience, Concurrency, Idempotency, ListRelation, Model, Resource};
use serde_json::{Map, Value as Json, json};
use value::ResourceId;

use super::answers::{Answers, Shared, ok};
use super::batch;
use super::headers::{Marks, WRITTEN};
use super::names::{self, Components, Names};
use super::parameters::{self, Parameters};
use super::{reference, security};
use crate::access::{self, Opening};
use crate::words::{self, a};

/// What PATCH takes, the best first.
const PATCH_TYPES: [&str; 2] = ["application/merge-patch+json", "application/json"];
const JSON_PATCH: &str = "application/json-patch+json";
const JSON: &str = "application/json";

pub struct Operations<'m, 'a> {
    pub model: &'m Model,
    pub parameters: &'a Parameters<'m, 'a>,
    /// Indexed by resource.
    pub names: &'a [Components],
    pub answers: &'a Answers,
    pub audience: Audience,
}

/// A place in the API where a resource has operations.
#[derive(Clone, Copy)]
enum Place<'m> {
    Collection,
    Record,
    /// `/books/{id}/restore`
    Restore,
    /// `/authors/{author_id}/books`
    List {
        parent: &'m Resource,
        list: &'m ListRelation,
        number: usize,
    },
}

impl<'m> Operations<'m, '_> {
    /// All paths, resource by resource. Parameters that are shared go to `components`.
    pub fn paths(&self, components: &mut parameters::Components) -> Map<String, Json> {
        let ids = self.ids();
        let mut paths = Map::new();
        for resource in access::resources(self.model, self.audience) {
            let mut lineage = self.model.lineage(resource.id);
            lineage.pop();
            let reaches = |around: &&Resource| {
                around.audience <= self.audience && access::of(around, Action::Get).is_some()
            };
            // Whoever cannot read what is around cannot ask for what is inside.
            if !lineage.iter().all(reaches) {
                continue;
            }
            let collection = self.model.collection_path(resource.id);
            let record = self.model.record_path(resource.id);
            let actions = [Action::List, Action::Create];
            self.path(
                &mut paths,
                collection.clone(),
                resource,
                Place::Collection,
                &actions,
                &ids,
                components,
            );
            self.query_path(&mut paths, &collection, resource, Place::Collection, &ids);
            if batch::is_offered(resource) {
                let mut item = Map::new();
                self.path_parameters(resource, Place::Collection, &mut item);
                let names = &self.names[usize::from(resource.id.0)];
                let id = ids.batches.get(&resource.id).map_or("", String::as_str);
                let post = batch::operation(self.model, self.answers, resource, names, id);
                item.insert("post".to_owned(), post);
                paths.insert(format!("{collection}/batch"), Json::Object(item));
            }
            let actions = [Action::Get, Action::Replace, Action::Update, Action::Delete];
            self.path(
                &mut paths,
                record.clone(),
                resource,
                Place::Record,
                &actions,
                &ids,
                components,
            );
            if resource.soft_delete.is_some() {
                self.path(
                    &mut paths,
                    format!("{record}/restore"),
                    resource,
                    Place::Restore,
                    &[Action::Restore],
                    &ids,
                    components,
                );
            }
            // Whoever cannot read the parent cannot ask for its lists.
            if access::of(resource, Action::Get).is_none() {
                continue;
            }
            for (number, list) in resource.lists.iter().enumerate() {
                let target = self.model.resource(list.resource);
                if target.audience <= self.audience && !self.model.is_own_place(resource, list) {
                    let place = Place::List {
                        parent: resource,
                        list,
                        number,
                    };
                    let around = self.model.path_around(resource.id);
                    let path = format!("{around}/{}", list.path());
                    let actions: &[Action] = if self.model.adds_to(list) {
                        &[Action::List, Action::Create]
                    } else {
                        &[Action::List]
                    };
                    self.query_path(&mut paths, &path, target, place, &ids);
                    self.path(&mut paths, path, target, place, actions, &ids, components);
                }
            }
        }
        paths
    }

    /// Every operation's id. Those of the resources themselves come first and keep their plain
    /// names, whatever the lists are called.
    fn ids(&self) -> Ids {
        let mut names = Names::default();
        let mut ids = Ids::default();
        for resource in &self.model.resources {
            let soft = resource.soft_delete.is_some();
            let offered = Action::ALL
                .into_iter()
                .filter(|action| soft || *action != Action::Restore);
            for action in offered {
                let name = names.take(names::operation(resource, action));
                ids.actions.insert((resource.id, None, action), name);
            }
        }
        for resource in &self.model.resources {
            for (number, list) in resource.lists.iter().enumerate() {
                for action in [Action::List, Action::Create] {
                    let wish = names::nested_operation(self.model, resource, list, action);
                    let key = (resource.id, Some(number), action);
                    ids.actions.insert(key, names.take(wish));
                }
            }
        }
        for resource in &self.model.resources {
            let lists = resource.lists.iter().enumerate();
            let lists = lists.map(|(number, list)| (Some(number), Some(list)));
            for (number, list) in [(None, None)].into_iter().chain(lists) {
                let name = names.take(names::query_operation(resource, list));
                ids.queries.insert((resource.id, number), name);
            }
        }
        for resource in &self.model.resources {
            let name = names.take(names::batch_operation(resource));
            ids.batches.insert(resource.id, name);
        }
        ids
    }

    /// `POST …/query`, which stands for QUERY: this version of OpenAPI has no word for that.
    fn query_path(
        &self,
        paths: &mut Map<String, Json>,
        list: &str,
        resource: &'m Resource,
        place: Place<'m>,
        ids: &Ids,
    ) {
        let Some(opening) = access::of(resource, Action::List) else {
            return;
        };
        let operation = Operation {
            all: self,
            resource,
            place,
            action: Action::List,
            opening,
            ids,
        };
        let mut item = Map::new();
        self.path_parameters(resource, place, &mut item);
        item.insert("post".to_owned(), operation.describe_query());
        paths.insert(format!("{list}/query"), Json::Object(item));
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call for each kind of path, spelled out above"
    )]
    fn path(
        &self,
        paths: &mut Map<String, Json>,
        path: String,
        resource: &'m Resource,
        place: Place<'m>,
        actions: &[Action],
        ids: &Ids,
        components: &mut parameters::Components,
    ) {
        let mut item = Map::new();
        self.path_parameters(resource, place, &mut item);
        let before = item.len();
        for action in actions {
            if let Some(opening) = access::of(resource, *action) {
                let operation = Operation {
                    all: self,
                    resource,
                    place,
                    action: *action,
                    opening,
                    ids,
                };
                item.insert(method(*action).to_owned(), operation.describe(components));
            }
        }
        if item.len() > before {
            paths.insert(path, Json::Object(item));
        }
    }
}

impl<'m> Operations<'m, '_> {
    fn path_parameters(&self, resource: &Resource, place: Place<'_>, item: &mut Map<String, Json>) {
        let values = match place {
            Place::Collection => self.values_before(resource),
            Place::Record | Place::Restore => self.model.path_values(resource.id),
            Place::List { parent, .. } => self.model.values_around(parent.id),
        };
        if !values.is_empty() {
            let values = values.iter().map(|value| self.parameters.path_value(value));
            item.insert("parameters".to_owned(), values.collect());
        }
    }

    /// The values in front of a collection's word.
    fn values_before(&self, resource: &Resource) -> Vec<PathValue<'m>> {
        let mut values = self.model.path_values(resource.id);
        values.retain(|value| value.resource.id != resource.id);
        values
    }
}

/// The ids of all operations.
#[derive(Default)]
struct Ids {
    /// Of a resource, or of one of its lists by its number.
    actions: BTreeMap<(ResourceId, Option<usize>, Action), String>,
    /// Of those that ask by a body.
    queries: BTreeMap<(ResourceId, Option<usize>), String>,
    batches: BTreeMap<ResourceId, String>,
}

impl Ids {
    fn of(&self, resource: &Resource, list: Option<usize>, action: Action) -> &str {
        let id = self.actions.get(&(resource.id, list, action));
        id.map_or("", String::as_str)
    }
}

/// Whether there is a day from which on a resource, or one around it, is not served.
pub fn has_sunset(model: &Model, resource: &Resource) -> bool {
    let lineage = model.lineage(resource.id);
    lineage.iter().any(|around| {
        let deprecated = around.deprecated.as_ref();
        deprecated.is_some_and(|deprecated| deprecated.sunset.is_some())
    })
}

fn method(action: Action) -> &'static str {
    match action {
        Action::List | Action::Get => "get",
        Action::Create | Action::Restore => "post",
        Action::Update => "patch",
        Action::Replace => "put",
        Action::Delete => "delete",
    }
}

/// One operation, to be described.
struct Operation<'m, 'a> {
    all: &'a Operations<'m, 'a>,
    resource: &'m Resource,
    place: Place<'m>,
    action: Action,
    opening: Opening<'m>,
    ids: &'a Ids,
}

impl<'m> Operation<'m, '_> {
    fn describe(&self, components: &mut parameters::Components) -> Json {
        let mut operation = Map::new();
        let mut put = |word: &str, value: Json| operation.insert(word.to_owned(), value);
        put("tags", json!([words::heading(&self.resource.plural)]));
        put("summary", json!(self.summary()));
        put("description", json!(self.description()));
        put("operationId", json!(self.id()));
        if self.resource.deprecated.is_some() {
            put("deprecated", json!(true));
        }
        let parameters = self.parameters(components);
        if !parameters.is_empty() {
            put("parameters", json!(parameters));
        }
        if let Some(body) = self.body() {
            put("requestBody", body);
        }
        put("responses", self.responses());
        put("security", self.security());
        Json::Object(operation)
    }

    /// The same list, asked by a body.
    fn describe_query(&self) -> Json {
        let names = &self.all.names[usize::from(self.resource.id.0)];
        let owner = match self.place {
            Place::List { parent, number, .. } => (parent.id, Some(number)),
            _ => (self.resource.id, None),
        };
        let mut description = format!(
            "The list that GET answers, for conditions with OR and NOT. Clients that can send \
             QUERY (RFC 10008) send it with the same body to the list's own path, where answers \
             have an `ETag`. {}\n\n{}",
            sparse("`\"fields\": [\"id\", \"created_at\"]`"),
            self.access_in_words()
        );
        if let Some(deprecated) = &self.resource.deprecated {
            description.push_str("\n\n");
            description.push_str(&super::deprecation(deprecated));
        }
        let page = ok(
            &format!("A page of {}.", self.resource.nouns()),
            &["Cache-Control"],
            self.marks(),
            Some(list_content(reference("schemas", &names.page))),
        );
        let refusals = self.refusals().into_iter();
        let refusals = refusals.filter(|(shared, _)| {
            !matches!(shared, Shared::NotModified | Shared::PreconditionFailedRead)
        });
        let of_body = [
            Shared::RequestTimeout,
            Shared::ContentTooLarge,
            Shared::UnsupportedQuery,
        ];
        let of_body = of_body.into_iter().map(|shared| (shared, None));
        let of_body = of_body.chain([(Shared::Unprocessable, Some(vec!["invalid"]))]);
        let responses = self.by_status(vec![(200, page)], refusals.chain(of_body));
        let mut operation = json!({
            "tags": [words::heading(&self.resource.plural)],
            "summary": format!("{}, by a query in the body", self.summary()),
            "description": description,
            "operationId": self.ids.queries.get(&owner),
            "requestBody": {
                "required": true,
                "content": {JSON: {"schema": reference("schemas", &names.query)}},
            },
            "responses": responses,
            "security": self.security(),
        });
        if self.resource.deprecated.is_some() {
            operation["deprecated"] = json!(true);
        }
        operation
    }

    fn id(&self) -> &str {
        match self.place {
            Place::List { parent, number, .. } => self.ids.of(parent, Some(number), self.action),
            _ => self.ids.of(self.resource, None, self.action),
        }
    }

    fn summary(&self) -> String {
        let (one, many) = (self.resource.noun(), self.resource.nouns());
        match (self.place, self.action) {
            (Place::List { parent, list, .. }, Action::List) => {
                format!(
                    "List the {} of {}",
                    list.name.replace('_', " "),
                    a(&parent.noun())
                )
            }
            (Place::List { parent, .. }, _) => {
                format!("Create {} of {}", a(&one), a(&parent.noun()))
            }
            (_, Action::List) => format!("List {many}"),
            (_, Action::Get) => format!("Get {}", a(&one)),
            (_, Action::Create) => format!("Create {}", a(&one)),
            (_, Action::Update) => format!("Change {}", a(&one)),
            (_, Action::Replace) => format!("Replace {}", a(&one)),
            (_, Action::Delete) => format!("Delete {}", a(&one)),
            (_, Action::Restore) => format!("Restore {}", a(&one)),
        }
    }

    fn description(&self) -> String {
        let (one, many) = (self.resource.noun(), self.resource.nouns());
        let sparse = sparse("`?fields=id,created_at`");
        let mut text = match (self.place, self.action) {
            (Place::List { parent, list, .. }, Action::List) => format!(
                "The {} of one {}, a page at a time. All filters given must hold. {sparse}",
                list.name.replace('_', " "),
                parent.noun()
            ),
            (Place::List { parent, .. }, _) => format!(
                "Creates {} that belongs to the {} in the path.",
                a(&one),
                parent.noun()
            ),
            (_, Action::List) => {
                format!(
                    "The {many} you may see, a page at a time. All filters given must hold. {sparse}"
                )
            }
            (_, Action::Get) => format!("One {one}, by its {}. {sparse}", self.key_in_words()),
            (_, Action::Create) => format!("Creates {}.", a(&one)),
            (_, Action::Update) => format!(
                "Changes some fields of {}: as a merge patch (RFC 7396) or a JSON Patch (RFC 6902).",
                a(&one)
            ),
            (_, Action::Replace) => format!("Changes all fields of {}.", a(&one)),
            (_, Action::Delete) => match self.resource.soft_delete {
                None => format!("Deletes {}. There is no way back.", a(&one)),
                Some(kept) => format!(
                    "Deletes {}. It can be restored for {}; the values that must be unique stay taken until then.",
                    a(&one),
                    words::duration(kept)
                ),
            },
            (_, Action::Restore) => format!(
                "Takes the deletion of {} back. What it points to must be there.",
                a(&one)
            ),
        };
        text.push_str("\n\n");
        text.push_str(&self.access_in_words());
        if let Some(deprecated) = &self.resource.deprecated {
            text.push_str("\n\n");
            text.push_str(&super::deprecation(deprecated));
        }
        text
    }

    /// `id`, `owner and name`.
    fn key_in_words(&self) -> String {
        let names: Vec<String> = self
            .resource
            .key_fields()
            .map(|field| field.name.replace('_', " "))
            .collect();
        match names.as_slice() {
            [first @ .., last] if !first.is_empty() => {
                format!("{} and {last}", first.join(", "))
            }
            names => names.concat(),
        }
    }

    /// What a credential needs for it.
    fn scope(&self) -> String {
        match self.action.is_read() {
            true => self.resource.read_scope(),
            false => self.resource.write_scope(),
        }
    }

    fn security(&self) -> Json {
        let guests = self.opening.takes_guests();
        security::of(self.all.model, Some(&self.scope()), guests)
    }

    fn access_in_words(&self) -> String {
        let scope = self.scope();
        match self.opening {
            Opening::Everybody => "**Access:** everybody.".to_owned(),
            Opening::Some(rule) => format!(
                "**Access:** everybody, as far as the rule `{}` holds. A credential needs the scope `{scope}`.",
                rule.text
            ),
            Opening::Callers(rule) if rule.text == "signed_in" => {
                format!("**Access:** callers with a credential that has the scope `{scope}`.")
            }
            Opening::Callers(rule) => format!(
                "**Access:** callers for whom the rule `{}` holds, with a credential that has the scope `{scope}`.",
                rule.text
            ),
        }
    }

    fn parameters(&self, components: &mut parameters::Components) -> Vec<Json> {
        let resource = self.resource;
        let shared = |key: &str| reference("parameters", key);
        let parameters = self.all.parameters;
        let mut all = match self.action {
            Action::List => parameters.of_list(resource, components),
            Action::Delete => Vec::new(),
            _ => parameters
                .include(resource, components)
                .into_iter()
                .collect(),
        };
        if self.action.is_read() {
            all.extend([shared("IfMatchRead"), shared("IfNoneMatch")]);
            return all;
        }
        all.push(shared("DryRun"));
        if self.changes() {
            all.push(match resource.concurrency {
                Concurrency::Required => shared("IfMatchRequired"),
                Concurrency::Optional => shared("IfMatch"),
            });
        }
        if self.action == Action::Replace && self.can_create_by_put() {
            all.push(shared("CreateOnly"));
        }
        all.push(match self.needs_key() {
            true => shared("IdempotencyKeyRequired"),
            false => shared("IdempotencyKey"),
        });
        all.push(shared("Prefer"));
        all
    }

    /// Whether it is about the state of a record that is there.
    fn changes(&self) -> bool {
        matches!(
            self.action,
            Action::Update | Action::Replace | Action::Delete
        )
    }

    /// What can be sent again as it is needs no key.
    fn needs_key(&self) -> bool {
        let repeatable = matches!(self.action, Action::Replace | Action::Delete);
        self.resource.idempotency == Idempotency::Required && !self.action.is_read() && !repeatable
    }

    fn can_create_by_put(&self) -> bool {
        self.resource.is_placed_by_clients() && access::of(self.resource, Action::Create).is_some()
    }

    fn body(&self) -> Option<Json> {
        let names = &self.all.names[usize::from(self.resource.id.0)];
        let of = |component: &str| json!({"schema": reference("schemas", component)});
        let content = match (self.action, self.place) {
            (Action::List | Action::Get | Action::Delete | Action::Restore, _) => return None,
            (Action::Create, Place::List { parent, number, .. }) => {
                let in_parent = &self.all.names[usize::from(parent.id.0)].create_in[number];
                json!({JSON: of(in_parent)})
            }
            (Action::Create, _) => json!({JSON: of(&names.create)}),
            (Action::Replace, _) => json!({JSON: of(&names.replace)}),
            (Action::Update, _) => {
                let mut content = Map::new();
                for media in PATCH_TYPES {
                    content.insert(media.to_owned(), of(&names.patch));
                }
                content.insert(JSON_PATCH.to_owned(), of(&names.json_patch));
                Json::Object(content)
            }
        };
        Some(json!({"required": true, "content": content}))
    }

    fn marks(&self) -> Marks {
        Marks::of(self.all.model, self.resource)
    }

    fn responses(&self) -> Json {
        self.by_status(self.good_answers(), self.refusals())
    }

    /// `codes`: those that can come here, where the status has others too.
    fn by_status(
        &self,
        good: Vec<(u16, Json)>,
        refusals: impl IntoIterator<Item = (Shared, Option<Vec<&'static str>>)>,
    ) -> Json {
        let mut all = BTreeMap::from_iter(good);
        let marks = self.marks();
        for (shared, codes) in refusals {
            let answer = match codes {
                None => self.all.answers.refer(shared, marks),
                Some(codes) => self.all.answers.refer_to(shared, marks, &codes),
            };
            all.insert(shared.status(), answer);
        }
        let all = all
            .into_iter()
            .map(|(status, answer)| (status.to_string(), answer));
        Json::Object(all.collect())
    }

    fn good_answers(&self) -> Vec<(u16, Json)> {
        let names = &self.all.names[usize::from(self.resource.id.0)];
        let noun = self.resource.noun();
        let record = || Some(json!({JSON: {"schema": reference("schemas", &names.read)}}));
        let answer = |description: &str, fields: &[&str], content: Option<Json>| {
            ok(description, fields, self.marks(), content)
        };
        let with_tag = |fields: &[&'static str]| [&["ETag"], fields].concat();
        let read = with_tag(&["Cache-Control", "Vary"]);
        let written = with_tag(&WRITTEN);
        let unseen = match self.readers_see_all() {
            true => "It is done, and nothing is answered, as `Prefer: return=minimal` asks for."
                .to_owned(),
            false => format!(
                "It is done, and nothing is answered: as `Prefer: return=minimal` asks for, or because you may not see the {noun}."
            ),
        };
        match self.action {
            Action::List => {
                let page = match self.resource.list.bare {
                    true => json!({
                        "type": "array",
                        "items": reference("schemas", &names.read),
                    }),
                    false => reference("schemas", &names.page),
                };
                let fields = [read, vec!["Link"]].concat();
                let description = format!("A page of {}.", self.resource.nouns());
                vec![(200, answer(&description, &fields, Some(list_content(page))))]
            }
            Action::Get => vec![(200, answer(&format!("The {noun}."), &read, record()))],
            Action::Create => vec![
                (
                    200,
                    answer(
                        &format!("The {noun} as it would be, with `dry_run=true`."),
                        &["Cache-Control", "Dry-Run", "Preference-Applied"],
                        record(),
                    ),
                ),
                (201, self.created(&names.read)),
                (
                    204,
                    answer(
                        "With `dry_run=true`: it could be done, and would be answered without content.",
                        &["Cache-Control", "Dry-Run", "Preference-Applied"],
                        None,
                    ),
                ),
            ],
            Action::Update | Action::Replace | Action::Restore => {
                let now = format!("The {noun} as it is now.");
                let elsewhere = self.action == Action::Restore || self.resource.can_be_moved();
                let written = match elsewhere {
                    true => [written, vec!["Content-Location"]].concat(),
                    false => written,
                };
                let mut all = vec![
                    (200, answer(&now, &written, record())),
                    (204, answer(&unseen, &written, None)),
                ];
                if self.action == Action::Replace && self.can_create_by_put() {
                    all.push((201, self.created(&names.read)));
                }
                all
            }
            Action::Delete => vec![(204, answer("It is deleted.", &WRITTEN, None))],
        }
    }

    fn created(&self, component: &str) -> Json {
        let noun = self.resource.noun();
        let mut description =
            format!("The new {noun}. Without content if `Prefer: return=minimal` asks for that");
        if !self.readers_see_all() {
            description.push_str(&format!(", or if you may not see the {noun}"));
        }
        description.push('.');
        let fields = [
            "Location",
            "ETag",
            "Idempotency-Replayed",
            "Preference-Applied",
        ];
        let content = json!({JSON: {"schema": reference("schemas", component)}});
        let mut answer = ok(&description, &fields, self.marks(), Some(content));
        let links = self.links();
        if !links.is_empty() {
            answer["links"] = Json::Object(links);
        }
        answer
    }

    /// What can be done with a record that has just been created.
    fn links(&self) -> Map<String, Json> {
        let (resource, model) = (self.resource, self.all.model);
        let mut links = Map::new();
        // The record is in the answer, what is around it in the path that was asked.
        let asked = match self.action {
            Action::Create => self.all.values_before(resource),
            _ => model.path_values(resource.id),
        };
        let parameters_of = |values: Vec<PathValue<'_>>| -> Map<String, Json> {
            let values = values.into_iter().map(|value| {
                let from = match value.resource.id == resource.id {
                    true => format!("$response.body#/{}", value.field.name),
                    false => asked
                        .iter()
                        .find(|known| {
                            known.resource.id == value.resource.id
                                && known.field.id == value.field.id
                        })
                        .map_or(String::new(), |known| {
                            format!("$request.path.{}", known.name)
                        }),
                };
                (format!("path.{}", value.name), json!(from))
            });
            values.collect()
        };
        let mut add = |operation: &str,
                       description: String,
                       values: Vec<PathValue<'_>>,
                       needs_state: bool| {
            let mut parameters = parameters_of(values);
            if needs_state {
                parameters.insert("If-Match".to_owned(), json!("$response.header.ETag"));
            }
            links.insert(
                operation.to_owned(),
                json!({"operationId": operation, "description": description, "parameters": parameters}),
            );
        };
        for action in [Action::Get, Action::Update, Action::Replace, Action::Delete] {
            if access::of(resource, action).is_some() {
                let needs_state =
                    action != Action::Get && resource.concurrency == Concurrency::Required;
                let description =
                    format!("{} this {}.", words::heading(verb(action)), resource.noun());
                add(
                    self.ids.of(resource, None, action),
                    description,
                    model.path_values(resource.id),
                    needs_state,
                );
            }
        }
        if access::of(resource, Action::Get).is_some() {
            for (number, list) in resource.lists.iter().enumerate() {
                let target = model.resource(list.resource);
                let own = model.is_own_place(resource, list);
                for action in [Action::List, Action::Create] {
                    if target.audience <= self.all.audience
                        && access::of(target, action).is_some()
                        && !own
                        && (action == Action::List || model.adds_to(list))
                    {
                        let description = match action {
                            Action::List => format!("Its {}.", list.name.replace('_', " ")),
                            _ => format!("Create {} of it.", a(&target.noun())),
                        };
                        add(
                            self.ids.of(resource, Some(number), action),
                            description,
                            model.values_around(resource.id),
                            false,
                        );
                    }
                }
            }
        }
        if access::of(resource, Action::Get).is_some() {
            for inner in model.inside(resource.id) {
                for action in [Action::List, Action::Create] {
                    if inner.audience > self.all.audience || access::of(inner, action).is_none() {
                        continue;
                    }
                    let description = match action {
                        Action::List => format!("Its {}.", inner.nouns()),
                        _ => format!("Create {} in it.", a(&inner.noun())),
                    };
                    let values = self.all.values_before(inner);
                    add(self.ids.of(inner, None, action), description, values, false);
                }
            }
        }
        links
    }

    fn refusals(&self) -> Vec<(Shared, Option<Vec<&'static str>>)> {
        let resource = self.resource;
        let reads = self.action.is_read();
        let has_body = matches!(
            self.action,
            Action::Create | Action::Update | Action::Replace
        );
        let on_record = !matches!(self.place, Place::Collection) || resource.within.is_some();
        let mut unreadable = vec!["malformed"];
        if self.action == Action::List {
            unreadable.push("cursor_mismatch");
        }
        if self.needs_key() {
            unreadable.push("idempotency_required");
        }
        let mut all = vec![(Shared::BadRequest, Some(unreadable))];
        let mut add = |when: bool, shared: Shared| {
            if when {
                all.push((shared, None));
            }
        };
        for shared in [
            Shared::Unauthorized,
            Shared::NotAcceptable,
            Shared::UriTooLong,
            Shared::HeadersTooLarge,
            Shared::InternalError,
            Shared::Unavailable,
        ] {
            add(true, shared);
        }
        add(!reads, Shared::Accepted);
        let of_write = |read: Shared, write: Shared| if reads { read } else { write };
        add(
            self.may_be_forbidden(),
            of_write(Shared::Forbidden, Shared::ForbiddenWrite),
        );
        add(on_record, of_write(Shared::NotFound, Shared::NotFoundWrite));
        add(reads, Shared::NotModified);
        add(reads, Shared::PreconditionFailedRead);
        add(self.changes(), Shared::PreconditionFailed);
        add(self.marks().limited, Shared::TooManyRequests);
        add(self.has_sunset(), Shared::Gone);
        add(has_body, Shared::RequestTimeout);
        add(has_body, Shared::ContentTooLarge);
        add(self.action == Action::Create, Shared::UnsupportedPost);
        add(self.action == Action::Update, Shared::UnsupportedPatch);
        add(self.action == Action::Replace, Shared::UnsupportedMediaType);
        add(
            self.changes() && resource.concurrency == Concurrency::Required,
            Shared::PreconditionRequired,
        );
        if !reads {
            let mut broken = vec!["idempotency_mismatch"];
            if self.action != Action::Delete {
                broken.push("invalid");
            }
            all.push((Shared::Unprocessable, Some(broken)));
            let conflicts = conflicts(self.all.model, resource, self.action);
            all.push((Shared::Conflict, Some(conflicts)));
        }
        all
    }

    /// Whether there is a day from which on it is not served.
    fn has_sunset(&self) -> bool {
        let around = match self.place {
            Place::List { parent, .. } => has_sunset(self.all.model, parent),
            _ => false,
        };
        around || has_sunset(self.all.model, self.resource)
    }

    /// Whether everybody who changes a record can read it afterwards.
    fn readers_see_all(&self) -> bool {
        access::of(self.resource, Action::Get).is_some_and(Opening::is_everybody)
    }

    fn may_be_forbidden(&self) -> bool {
        let resource = self.resource;
        let model = self.all.model;
        let audience = self.all.audience;
        let guarded = |resource: &Resource| {
            parameters::filterable(resource, audience).any(|field| field.read.is_some())
        };
        let mut ways = access::ways(model, resource, audience);
        let through_relations = ways.any(|way| {
            let closed = |way: &access::Way<'_>| {
                let action = if way.many { Action::List } else { Action::Get };
                !access::of(way.target, action).is_some_and(Opening::is_everybody)
            };
            closed(&way)
                || (self.action == Action::List && !way.many && guarded(way.target))
                || access::ways(model, way.target, audience).any(|next| closed(&next))
        });
        let of_input = !self.action.is_read()
            && self.action != Action::Restore
            && access::fields(resource, audience).any(|field| {
                field.write.is_some() || (field.set.is_some() && self.action == Action::Create)
            });
        let in_parent = match self.place {
            Place::List { parent, .. } => {
                !access::of(parent, Action::Get).is_some_and(Opening::is_everybody)
            }
            _ => false,
        };
        let mut around = model.lineage(resource.id);
        around.pop();
        let in_parent = in_parent
            || around
                .iter()
                .any(|around| !access::of(around, Action::Get).is_some_and(Opening::is_everybody));
        !self.opening.is_everybody()
            || (self.action == Action::List && guarded(resource))
            || (self.action != Action::Delete && through_relations)
            || of_input
            || in_parent
    }
}

/// How the state of other records, or of this one, can stand in the way of a write.
pub fn conflicts(model: &Model, resource: &Resource, action: Action) -> Vec<&'static str> {
    let fields = || resource.fields.iter();
    let is_unique = !resource.unique.is_empty()
        || !resource.key.is_empty()
        || fields().any(|field| field.unique && !field.is_system());
    let refers = fields().any(|field| field.relation().is_some());
    let referred = || {
        let targets = model.resources.iter().flat_map(|other| &other.fields);
        let mut targets = targets.filter_map(|field| field.relation());
        targets.any(|(_, target)| target == resource.id)
    };
    // The first request with the same key may still run.
    let mut codes = vec!["idempotency_in_progress"];
    let mut add = |when: bool, code: &'static str| {
        if when {
            codes.push(code);
        }
    };
    match action {
        Action::List | Action::Get => codes.clear(),
        Action::Create => {
            add(
                is_unique || resource.is_placed_by_clients(),
                "already_exists",
            );
            add(refers, "unknown_reference");
        }
        Action::Update | Action::Replace => {
            add(is_unique, "already_exists");
            add(refers, "unknown_reference");
            add(action == Action::Update, "conflict");
        }
        Action::Delete => add(referred(), "still_referenced"),
        Action::Restore => {
            add(refers, "unknown_reference");
            add(true, "conflict");
        }
    }
    codes
}

/// Why the parameter for the view is no parameter of the document.
fn sparse(example: &str) -> String {
    format!(
        "With `fields`, such as {example}, answers have only those fields; that is left out here, so that the schemas can promise every field."
    )
}

/// A page, or all records in one of the formats that have no pages.
fn list_content(page: Json) -> Json {
    let whole =
        |description: &str| json!({"schema": {"type": "string", "description": description}});
    json!({
        JSON: {"schema": page},
        "application/x-ndjson": whole("All records, one JSON object per line."),
        "text/csv": whole("All records, with a first row of names (RFC 4180)."),
    })
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::List => "list",
        Action::Get => "get",
        Action::Create => "create",
        Action::Update => "change",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Restore => "restore",
    }
}
