//! Storage as both databases need it: statements, rules as SQL, migrations, the feed.
