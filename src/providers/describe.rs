//! The catalogue in words, for the command line.

use super::catalogue::{Catalogue, Provider, answers::DocumentedAnswer, schema::ProviderFile};
use crate::model::provider::{Category, Cost};

/// The longest part of a body that is shown, in characters.
const EXCERPT: usize = 70;

/// The providers by category: id, name, what a check costs, what the forms ask for; below, what is uncertain.
pub fn list(catalogue: &Catalogue) -> Vec<String> {
    let mut lines = Vec::new();
    for category in Category::ALL {
        let mut providers = catalogue.iter().filter(|provider| provider.info.category == category).peekable();
        if providers.peek().is_some() {
            lines.push(category.label().to_owned());
        }
        for provider in providers {
            lines.push(line(provider));
            lines
                .extend(provider.file.uncertain.iter().map(|text| format!("  {:<13} uncertain: {text}", "")));
        }
    }
    lines
}

fn line(provider: &Provider) -> String {
    let info = &provider.info;
    let fields = |form: &crate::model::provider::FormInfo| {
        form.fields.iter().map(|field| field.label.as_str()).collect::<Vec<_>>().join(", ")
    };
    let forms: Vec<_> = info.forms.iter().map(fields).collect();
    let cost = match info.check_cost {
        Cost::Free => "",
        Cost::Counts => "; a check counts as a request",
        Cost::Billed => "; a check costs money, so none is made",
    };
    let own = if info.by_operator { "; your own" } else { "" };
    format!("  {:<13} {:<14} {}{cost}{own}", info.id.as_str(), info.name, forms.join(" | "))
}

/// Every answer in the catalogue and what a check makes of it, a line each. The tests give each to the real probe.
pub fn matrix(catalogue: &Catalogue) -> Vec<String> {
    let rows = |provider: &Provider| -> Vec<String> {
        let head = format!("{} ({})", provider.info.name, provider.info.id);
        let rows = provider.file.answers.iter().map(|answer| format!("  {}", row(answer)));
        std::iter::once(head).chain(rows).collect()
    };
    catalogue.iter().flat_map(|provider| rows(provider)).collect()
}

fn row(answer: &DocumentedAnswer) -> String {
    let form = answer.form.as_ref().map(|form| format!(" [{form}]")).unwrap_or_default();
    let body: String = answer.body().chars().take(EXCERPT).collect();
    let cut = if answer.body().chars().count() > EXCERPT { "…" } else { "" };
    let beside: String =
        answer.beside.iter().map(|(call, name)| format!(", {call} answers “{name}”")).collect();
    let kept = answer.shows.iter().flatten().map(|(name, value)| format!("; {name}: {value}"));
    let can = answer.can.iter().flatten().map(|(id, can)| format!("; {id}: {}", can.word().to_lowercase()));
    let kept = kept.chain(can);
    format!(
        "{}{form} {} {body}{cut}{beside} → {}, {}{} ({})",
        answer.call,
        answer.status,
        answer.outcome.code(),
        answer.reason().code(),
        kept.collect::<String>(),
        answer.source
    )
}

/// The JSON Schema of a catalogue file, for editors, made from the very types that read one.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(ProviderFile);
    // A schema is plain JSON, which always serialises.
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_provider_and_what_is_uncertain() {
        let lines = list(Catalogue::shared());
        for provider in Catalogue::shared().iter() {
            let named = |line: &&String| line.split_whitespace().next() == Some(provider.info.id.as_str());
            assert_eq!(lines.iter().filter(named).count(), 1, "{}", provider.info.id);
            for text in &provider.file.uncertain {
                assert!(lines.iter().any(|line| line.ends_with(text)), "{text}");
            }
        }
        assert!(lines.iter().any(|line| line.contains("exa") && line.contains("costs money")));
    }

    #[test]
    fn the_matrix_has_a_line_for_every_answer() {
        let catalogue = Catalogue::shared();
        let answers: usize = catalogue.iter().map(|provider| provider.file.answers.len()).sum();
        let lines = matrix(catalogue);
        assert_eq!(lines.len(), answers + catalogue.iter().count());
        assert!(lines.contains(
            &"  whoami 401 {\"error\": \"Invalid username or password.\"} → invalid, rejected (huggingface/huggingface_hub#3368)".to_owned()
        ));
    }
}
