/// Milliseconds for people; a dash where nothing is known.
pub fn duration(milliseconds: Option<i64>) -> String {
    match milliseconds {
        None => "–".to_owned(),
        Some(milliseconds @ ..1_000) => format!("{milliseconds} ms"),
        Some(milliseconds) => format!("{:.1} s", milliseconds as f64 / 1_000.0),
    }
}
