//! Statements are kept for requests of the same shape: none is ever taken for another.

use call::{Failure, RecordKey};
use model::Action;
use serde_json::json;
use value::{Timestamp, Value};

use crate::support::{App, Ask, NOW};

const FORGE: &str = "
frontdesk: 1
name: forge
resources:
  Repo:
    id: integer
    key: name
    fields: {name: string}
    access: {read: public, write: public}
  Branch:
    within: Repo
    key: name
    fields: {repo: Repo, name: string}
    access: {read: public, write: public}
";

/// Takes an export and keeps nothing of it but how much it was.
struct Counting;

impl engine::Sink for Counting {
    fn begin(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn take(&mut self, _: &[Value], _: Option<Timestamp>) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn an_export_and_a_path_are_not_mixed_up() {
    let app = App::new(FORGE).await;
    app.add("Repo", json!({"name": "hello"})).await;
    let put = || -> Ask<'_> {
        let mut ask = app.ask("Branch", Action::Replace).body(json!({}));
        ask.request.target = Some(RecordKey::Natural(vec!["hello".into(), "main".into()]));
        ask.request.precondition.absent = true;
        ask
    };
    assert_eq!(put().code().await, "ok");

    // Both the pages of an export and the search for who was there first name a resource and
    // little else.
    let repo = app.engine.model().resource_named("Repo").unwrap().id;
    assert_eq!(app.engine.export(repo, Counting, NOW).await.unwrap(), 1);
    assert_eq!(put().code().await, "stale");
    assert_eq!(app.engine.export(repo, Counting, NOW).await.unwrap(), 1);
}
