//! `Leptos.toml`, which the running server reads, and Cargo.toml, which cargo-leptos reads, agree.

fn section(file: &str) -> toml::Table {
    let text = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table["package"]["metadata"]["leptos"].as_table().unwrap().clone()
}

#[test]
fn shared_settings_are_equal() {
    let (build, site) = (section("Cargo.toml"), section("Leptos.toml"));
    assert!(site.len() >= 4);
    for (name, value) in &site {
        if let Some(other) = build.get(name) {
            assert_eq!(value, other, "{name}");
        }
    }
}
