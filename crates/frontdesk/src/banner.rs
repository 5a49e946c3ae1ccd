//! What `dev` shows first: where everything is, keys to try it with, and three commands that
//! work.

use std::sync::Arc;

use frontdesk::App;
use frontdesk::call::{Caller, Cell, Change, NestedList, Outcome, Parent, RecordKey, Request};
use frontdesk::decision::{self, Verdict};
use frontdesk::model::{Action, DocsAccess, Field, Idempotency, Model, Resource};
use frontdesk::seed::{Seeded, request};
use frontdesk::trial::{self, TrialKeys};
use frontdesk::value::{self, FieldId, IdKind, ResourceId};
use serde_json::{Map, Value as Json};

use crate::terminal::{GOOD, LINK, QUIET, STRONG, styled};

/// Where everything is.
pub async fn welcome(app: &App, url: &str, keys: &TrialKeys, seeded: &[Seeded]) -> String {
    let model = app.model();
    let mut lines = vec![String::new()];
    lines.push(format!(
        "  {}  {}",
        styled(STRONG, &model.title),
        styled(QUIET, format!("frontdesk {}", env!("CARGO_PKG_VERSION"))),
    ));
    lines.push(String::new());
    let mut row = |name: &str, value: String| lines.push(format!("  {name:<10} {value}"));
    row("API", styled(LINK, format!("{url}{}", model.base)));
    if model.docs != DocsAccess::Off {
        row("Start", styled(LINK, format!("{url}/")));
        row("Docs", styled(LINK, format!("{url}/docs")));
        let document = format!("{url}{}/openapi.json", model.base);
        row("OpenAPI", styled(LINK, document));
    }
    let location = app.database().location().to_string();
    let location = location.strip_prefix("./").unwrap_or(&location);
    row("Data", styled(QUIET, location));
    lines.push(String::new());
    lines.push(format!("  {:<10} {}", "Admin key", keys.admin));
    lines.push(format!("  {:<10} {}", "API key", keys.api));
    if !seeded.is_empty() {
        let counts: Vec<String> = seeded
            .iter()
            .map(|done| format!("{} {}", done.records, done.noun))
            .collect();
        lines.push(String::new());
        lines.push(format!(
            "  {} {}",
            styled(GOOD, "Seeded"),
            counts.join(", ")
        ));
    }
    let commands = commands(app, url, keys).await;
    if !commands.is_empty() {
        lines.push(String::new());
        lines.push(format!("  {}", styled(STRONG, "Try")));
        for command in commands {
            lines.push(format!("  {} {command}", styled(QUIET, "$")));
        }
    }
    lines.push(String::new());
    lines.push(format!(
        "  {}",
        styled(
            QUIET,
            "Edit frontdesk.yaml and save: it is served at once. Ctrl-C stops."
        ),
    ));
    lines.push(String::new());
    lines.join("\n")
}

/// Reading a list, adding to it, finding what was added; about the resource for which a record
/// comes to mind that can be added as it stands.
async fn commands(app: &App, url: &str, keys: &TrialKeys) -> Vec<String> {
    let model = app.model();
    let first = model.resources.iter().find(|known| known.within.is_none());
    let mut chosen = first.map(|resource| {
        let place = Place::at(model.collection_path(resource.id));
        (resource, place, None)
    });
    for resource in plain_ones_first(&model) {
        if let Some(place) = place(app, resource).await
            && let Some(body) = example(app, resource).await
        {
            chosen = Some((resource, place, Some(body)));
            break;
        }
    }
    let Some((resource, place, body)) = chosen else {
        return Vec::new();
    };
    let target = format!("{url}{}", place.path);
    let auth = async |action: Action, change: Option<Change>| {
        let request = Request {
            parent: place.parent.clone(),
            change,
            ..request(resource.id, action)
        };
        match key(app, request, keys).await {
            Some(key) => format!(" -H 'Authorization: Bearer {key}'"),
            None => String::new(),
        }
    };
    let to_list = auth(Action::List, None).await;
    let mut commands = vec![format!("curl {target}{to_list}")];
    if let Some(body) = body {
        let auth = auth(Action::Create, Some(Change::Whole(body.clone()))).await;
        // A single quote would end the shell's string; JSON has another way to write it.
        let body = Json::Object(body).to_string().replace('\'', "\\u0027");
        let once = match resource.idempotency {
            // Another whenever it is shown: the contract, and with it the body, may have changed.
            Idempotency::Required => {
                let now = request(resource.id, Action::Create).now;
                format!(" -H 'Idempotency-Key: try-{}'", now.0)
            }
            Idempotency::Optional => String::new(),
        };
        commands.push(format!(
            "curl {target}{auth}{once} -H 'Content-Type: application/json' -d '{body}'"
        ));
    }
    commands.push(format!(
        "curl '{target}?sort=-id&{}=1'{to_list}",
        resource.list.limit,
    ));
    commands
}

/// Those to which the same record can be added twice come first, then those that need no other
/// around them, and those without conditions on what is written.
fn plain_ones_first(model: &Model) -> Vec<&Resource> {
    let is_once = |resource: &Resource| {
        let unique =
            |field: &Field| field.unique && field.required_on_create() && !field.is_system();
        // What is counted is another each time.
        let repeats = |together: &Vec<FieldId>| {
            let mut fields = together.iter().map(|field| resource.field(*field));
            !fields.any(|field| field.sequence.is_some())
        };
        resource.fields.iter().any(unique)
            || resource.unique.iter().any(repeats)
            || resource.id_type.kind == IdKind::Text
    };
    let mut resources: Vec<&Resource> = model.resources.iter().collect();
    resources.sort_by_key(|resource| {
        let lies_within = resource.within.is_some();
        (is_once(resource), lies_within, !resource.checks.is_empty())
    });
    resources
}

/// Where a resource's list is.
struct Place {
    path: String,
    parent: Option<Parent>,
}

/// The place of a resource's list: of one that begins a path, or of what is within the first record
/// of such a one.
async fn place(app: &App, resource: &Resource) -> Option<Place> {
    let model = app.model();
    let Some(within) = resource.within else {
        return Some(Place::at(model.collection_path(resource.id)));
    };
    let around = model.resource(within.resource);
    if around.within.is_some() {
        return None;
    }
    let mut list = request(around.id, Action::List);
    list.query.limit = Some(1);
    let keys = around.key_fields().map(|field| field.name.clone());
    list.view.fields = Some(keys.collect());
    let Ok(Outcome::Page(page)) = app.engine().handle(list).await else {
        return None;
    };
    let record = page.items.first()?;
    let mut path = model.collection_path(around.id);
    let mut texts = Vec::new();
    for field in around.key_fields() {
        let mut slots = page.view.slots.iter().zip(&record.cells);
        let (_, Cell::Value(value)) = slots.find(|(slot, _)| slot.name == field.name)? else {
            return None;
        };
        let text = value::text::print(&field.shape.ty, value);
        // Anything else would have to be encoded, for the URL and for the shell.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !text.bytes().all(is_plain) {
            return None;
        }
        path.push('/');
        path.push_str(&text);
        texts.push(text);
    }
    path.push('/');
    path.push_str(&resource.path);
    let key = match around.has_own_path() {
        true => RecordKey::Natural(texts),
        false => RecordKey::Id(texts.pop()?),
    };
    let parent = Parent {
        resource: around.id,
        key,
        list: NestedList::Within,
    };
    Some(Place {
        path,
        parent: Some(parent),
    })
}

impl Place {
    fn at(path: String) -> Place {
        Place { path, parent: None }
    }
}

/// Which key a request needs: none when it is open to everybody, the caller's where that suffices,
/// the administrator's otherwise.
async fn key<'k>(app: &App, request: Request, keys: &'k TrialKeys) -> Option<&'k str> {
    let model = app.model();
    let resource = model.resource(request.resource);
    let verdict = |caller: &Caller| decision::verdict(resource, request.action, caller);
    if verdict(&Caller::guest()) == Verdict::Open {
        return None;
    }
    let caller = trial::caller(&model);
    let suffices = match verdict(&caller) {
        Verdict::Open => true,
        Verdict::Rows => is_carried_out(app, request, caller).await,
        Verdict::Closed | Verdict::Operator => false,
    };
    Some(if suffices { &keys.api } else { &keys.admin })
}

/// Whether this caller is shown something, or could write it.
async fn is_carried_out(app: &App, mut request: Request, caller: Caller) -> bool {
    request.caller = Arc::new(caller);
    request.manner.dry_run = !request.action.is_read();
    match app.engine().handle(request).await {
        Ok(Outcome::Page(page)) => !page.items.is_empty(),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// A record that can be added as it stands, if one comes to mind.
async fn example(app: &App, resource: &Resource) -> Option<Map<String, Json>> {
    let mut body = Map::new();
    for field in resource
        .fields
        .iter()
        .filter(|field| field.required_on_create())
    {
        // The path says what a record lies within.
        let is_said = resource
            .within
            .is_some_and(|within| within.field == field.id);
        if field.is_system() || is_said {
            continue;
        }
        let value = match field.relation() {
            Some((_, target)) => some_id(app, target).await?,
            None => surface::example::of_field(field)?,
        };
        body.insert(field.name.clone(), value);
    }
    if resource.id_type.kind == IdKind::Text {
        body.insert("id".to_owned(), "example".into());
    }
    Some(body)
}

/// The id of any record of a resource.
async fn some_id(app: &App, resource: ResourceId) -> Option<Json> {
    let mut list = request(resource, Action::List);
    list.query.limit = Some(1);
    let Ok(Outcome::Page(page)) = app.engine().handle(list).await else {
        return None;
    };
    let record = page.items.first()?;
    let model = app.model();
    let id = model.resource(resource).id_field();
    Some(surface::example::json(&id.shape.ty, &record.id))
}
