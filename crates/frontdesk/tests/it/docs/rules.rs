//! What `docs/rules.md` says of guests is so.

use frontdesk::call::Caller;
use frontdesk::contract;
use frontdesk::decision::{Verdict, verdict};
use frontdesk::diag::{Diagnostics, Sources};
use frontdesk::model::{Action, Model};

use super::contracts::put_into;
use super::page::Page;

const HEAD: &str = "| for a guest | is |";

fn model(text: &str) -> Model {
    let mut sources = Sources::new();
    let main = sources.add(frontdesk::FILE, text.to_owned());
    let mut found = Diagnostics::new();
    let model = contract::compile(main, &mut sources, &mut |_| Ok(vec![]), &mut found);
    model.unwrap_or_else(|| panic!("{}", frontdesk::diag::render::text(&sources, &found, false)))
}

#[test]
fn guests_are_decided_as_told() {
    let page = Page::read("docs/rules.md");
    let contract = page
        .blocks
        .iter()
        .find(|block| block.is("contract"))
        .unwrap();
    let (_, table) = page.text.split_once(HEAD).expect("the table is there");
    let rows: Vec<(String, &str)> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            // A bar in a cell has a backslash before it.
            let (condition, is) = line.trim_matches('|').rsplit_once(" | ").unwrap();
            (
                condition.trim().trim_matches('`').replace("\\|", "|"),
                is.trim(),
            )
        })
        .collect();
    assert!(rows.len() > 8, "{rows:?}");
    for (condition, is) in rows {
        let access = format!("access:\n  read: \"{condition}\"\n");
        let text = put_into(&contract.text, "resources.List", &access).unwrap();
        let model = model(&text);
        let list = model.resource_named("List").unwrap();
        let found = match verdict(list, Action::List, &Caller::guest()) {
            Verdict::Closed => "false",
            Verdict::Open => "true",
            Verdict::Rows => "what the record says",
            Verdict::Operator => "an administrator",
        };
        assert_eq!(found, is, "`{condition}`");
    }
}
