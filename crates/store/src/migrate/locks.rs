//! What a statement of a script locks on PostgreSQL.
//!
//! All steps are one transaction, so a lock is held to its end; `CREATE INDEX CONCURRENTLY` and
//! checks validated later would hold less and could leave a migration half done.

use super::Lock;

/// By the words that our own scripts are made of.
pub(super) fn of(sql: &str) -> Vec<Lock> {
    let names = quoted(sql);
    let table = |at: usize| names.get(at).cloned().unwrap_or_default();
    if sql.starts_with("ALTER TABLE") && sql.contains(" FOREIGN KEY ") {
        // The table, the constraint, the column, the table it points to.
        vec![Lock::Writes(table(0)), Lock::Writes(table(3))]
    } else if sql.starts_with("ALTER TABLE") || sql.starts_with("DROP TABLE") {
        vec![Lock::All(table(0))]
    } else if sql.starts_with("CREATE INDEX") || sql.starts_with("CREATE UNIQUE INDEX") {
        vec![Lock::Writes(table(1))]
    } else if sql.starts_with("UPDATE") {
        vec![Lock::Writes(table(0))]
    } else {
        vec![]
    }
}

/// The names in a statement, in order.
fn quoted(sql: &str) -> Vec<String> {
    sql.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_by_the_statement() {
        let (writes, all) = (
            |t: &str| Lock::Writes(t.into()),
            |t: &str| Lock::All(t.into()),
        );
        for (sql, expected) in [
            ("CREATE TABLE \"a\" (\"id\" bigint)", vec![]),
            (
                "CREATE UNIQUE INDEX \"a__b\" ON \"a\" (\"b\")",
                vec![writes("a")],
            ),
            ("ALTER TABLE \"a\" ADD COLUMN \"b\" bigint", vec![all("a")]),
            (
                "ALTER TABLE \"a\" ADD CONSTRAINT \"r\" FOREIGN KEY (\"b\") REFERENCES \"c\" (\"id\")",
                vec![writes("a"), writes("c")],
            ),
            ("DROP TABLE \"a\" CASCADE", vec![all("a")]),
            ("UPDATE \"a\" SET \"b\" = 1", vec![writes("a")]),
            ("ALTER INDEX \"x\" RENAME TO \"y\"", vec![]),
        ] {
            assert_eq!(of(sql), expected, "{sql}");
        }
    }
}
