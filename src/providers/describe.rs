//! The catalogue in words, for the command line.

use super::{CatalogueError, catalogue::Catalogue};

/// One line for each provider: id, name, and what its forms ask for.
///
/// # Errors
/// A catalogue file is wrong.
pub fn describe() -> Result<Vec<String>, CatalogueError> {
    let catalogue = Catalogue::embedded()?;
    Ok(catalogue
        .iter()
        .map(|provider| {
            let info = &provider.info;
            let forms: Vec<_> = info
                .forms
                .iter()
                .map(|form| {
                    form.fields.iter().map(|field| field.label.as_str()).collect::<Vec<_>>().join(", ")
                })
                .collect();
            format!("{:<12} {:<12} {}", info.id.as_str(), info.name, forms.join(" | or "))
        })
        .collect())
}
