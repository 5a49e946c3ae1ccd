//! What `dev` shows first: where everything is, keys to try it with, and three commands that
//! work.

use frontdesk::App;
use frontdesk::call::{Caller, Cell, Outcome};
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
    let mut chosen = first.map(|resource| (resource, model.collection_path(resource.id), None));
    for resource in plain_ones_first(&model) {
        if let Some(path) = place(app, resource).await
            && let Some(body) = example(app, resource).await
        {
            chosen = Some((resource, path, Some(body)));
            break;
        }
    }
    let Some((resource, path, body)) = chosen else {
        return Vec::new();
    };
    let target = format!("{url}{path}");
    let auth = |action: Action| match key(&model, resource, action, keys) {
        Some(key) => format!(" -H 'Authorization: Bearer {key}'"),
        None => String::new(),
    };
    let mut commands = vec![format!("curl {target}{}", auth(Action::List))];
    if let Some(body) = body {
        // A single quote would end the shell's string; JSON has another way to write it.
        let body = Json::Object(body).to_string().replace('\'', "\\u0027");
        let auth = auth(Action::Create);
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
        "curl '{target}?sort=-id&{}=1'{}",
        resource.list.limit,
        auth(Action::List)
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

/// The path of a resource's list: of one that begins a path, or of what is within the first record
/// of such a one.
async fn place(app: &App, resource: &Resource) -> Option<String> {
    let model = app.model();
    let Some(within) = resource.within else {
        return Some(model.collection_path(resource.id));
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
    }
    path.push('/');
    path.push_str(&resource.path);
    Some(path)
}

/// Which key an action needs: none when it is open to everybody, the caller's where any caller
/// may, the administrator's otherwise.
fn key<'k>(
    model: &Model,
    resource: &Resource,
    action: Action,
    keys: &'k TrialKeys,
) -> Option<&'k str> {
    let is_open = |caller: &Caller| decision::verdict(resource, action, caller) == Verdict::Open;
    if is_open(&Caller::guest()) {
        None
    } else if is_open(&trial::caller(model)) {
        Some(&keys.api)
    } else {
        Some(&keys.admin)
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
