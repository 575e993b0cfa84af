//! The migrations of the two engines are twins.

use std::collections::BTreeMap;

fn names(engine: &str) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Tables with their columns, types aside.
fn columns(engine: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    for name in names(engine) {
        let text =
            std::fs::read_to_string(format!("{}/migrations/{engine}/{name}", env!("CARGO_MANIFEST_DIR")))
                .unwrap();
        for statement in text.split("CREATE TABLE ").skip(1) {
            let (table, body) = statement.split_once(" (\n").unwrap();
            let body = body.split("\n);").next().unwrap();
            let columns = body
                .lines()
                .map(str::trim)
                .filter(|line| line.chars().next().is_some_and(|c| c.is_ascii_lowercase()))
                .map(|line| line.split(' ').next().unwrap().to_owned())
                .collect();
            tables.insert(table.to_owned(), columns);
        }
    }
    tables
}

#[test]
fn every_migration_has_a_twin_with_the_same_tables() {
    assert_eq!(names("sqlite"), names("postgres"));
    let tables = columns("sqlite");
    assert!(tables.len() > 10 && tables["user_api_keys"].len() > 15);
    assert_eq!(tables, columns("postgres"));
}
