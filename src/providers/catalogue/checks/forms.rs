//! Forms, their fields, and what else names fields.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checked, any_field, header_name};
use crate::providers::{
    catalogue::{
        problem::{Problem, Step, at},
        schema::{Auth, Field, Form, ProviderFile},
    },
    template::Template,
};

pub(super) fn check(file: &ProviderFile) -> Checked {
    if file.forms.is_empty() {
        return Err(Problem::new(at!["forms"], "there is no form"));
    }
    let mut ids = BTreeSet::new();
    let mut kinds: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
    for (place, form) in file.forms.iter().enumerate() {
        let outer = |problem: Problem| problem.within(at!["forms", place], &format!("form {}: ", form.id));
        if !ids.insert(&form.id) {
            return Err(outer(Problem::new(at!["id"], "is there twice")));
        }
        one_form(form).map_err(outer)?;
        for (number, field) in form.fields.iter().enumerate() {
            let kind = (field.secret, field.choices.iter().map(|c| c.value.as_str()).collect());
            if *kinds.entry(&field.name).or_insert_with(|| kind.clone()) != kind {
                let text = format!("field {} differs from the one in another form", field.name);
                return Err(outer(Problem::new(at!["fields", number], text)));
            }
        }
        if let Some(rule) = &file.endpoint {
            let fits = |field: &Field| {
                !field.secret && !field.optional && field.when.is_none() && field.choices.is_empty()
            };
            if !form.field(&rule.field).is_some_and(fits) {
                let text =
                    format!("the endpoint needs a plain, required field {} that is not secret", rule.field);
                return Err(outer(Problem::new(at!["fields"], text)));
            }
        }
    }
    let secret = |name: &String| any_field(file, name).is_some_and(|field| field.secret);
    if file.webhook_secret.as_ref().is_some_and(|name| !secret(name)) {
        return Err(Problem::new(at!["webhook_secret"], "webhook_secret must name a secret field"));
    }
    if file.account.as_ref().is_some_and(|text| any_field(file, &text.field).is_none_or(|f| f.secret)) {
        return Err(Problem::new(at!["account"], "account must name a field that is not secret"));
    }
    let present = file.present.iter().map(|(name, field)| (at!["present", name], field.as_str()));
    let headers = file
        .headers
        .iter()
        .flat_map(|(name, template)| template.fields().map(move |field| (at!["headers", name], field)));
    for (place, field) in present.chain(headers) {
        if any_field(file, field).is_none() {
            return Err(Problem::new(place, format!("no form has the field {field}")));
        }
    }
    let named = |name: &String| header_name(name).map_err(|text| Problem::new(at!["headers", name], text));
    file.headers.keys().try_for_each(named)
}

fn one_form(form: &Form) -> Checked {
    let auth = |text: String| Problem::new(at!["auth"], text);
    for name in form.auth.templates().into_iter().flat_map(Template::fields) {
        match form.field(name) {
            None => return Err(auth(format!("auth: no such field {name}"))),
            Some(field) if field.optional || field.when.is_some() => {
                return Err(auth(format!("auth: field {name} is optional")));
            }
            Some(_) => {}
        }
    }
    if let Auth::Header { name, .. } = &form.auth {
        header_name(name).map_err(auth)?;
    }
    let mut names = BTreeSet::new();
    for (place, field) in form.fields.iter().enumerate() {
        one_field(form, place, field)
            .map_err(|problem| problem.within(at!["fields", place], &format!("field {}", field.name)))?;
        if !names.insert(&field.name) {
            return Err(Problem::new(at!["fields", place], format!("field {} is there twice", field.name)));
        }
    }
    let needed = |field: &Field| field.secret && !field.optional && field.when.is_none();
    if !form.fields.iter().any(needed) {
        return Err(Problem::new(at!["fields"], "no required field is secret"));
    }
    Ok(())
}

fn one_field(form: &Form, place: usize, field: &Field) -> Checked {
    let problem = |step: &'static str, text: &str| Problem::new(vec![Step::from(step)], text);
    let named = !field.name.is_empty() && field.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !named || field.name == "form" {
        return Err(problem("name", ": a name is made of a-z and _, and is not “form”"));
    }
    if field.refused.iter().any(|kind| kind.prefix.is_empty()) {
        return Err(problem("refused", ": a kind that is refused needs a prefix"));
    }
    if field.secret && !field.choices.is_empty() {
        return Err(problem("choices", ": a secret cannot be one of a few choices"));
    }
    let Some(condition) = &field.when else { return Ok(()) };
    if field.name == "region" {
        return Err(problem("when", ": the region decides where a key goes, and is always there"));
    }
    let other = form.fields.iter().take(place).find(|other| other.name == condition.field);
    let offered = |other: &Field| {
        let offers = |value: &String| other.choices.iter().any(|choice| choice.value == *value);
        other.when.is_none() && !condition.is.is_empty() && condition.is.iter().all(offers)
    };
    if !other.is_some_and(offered) {
        let text = ": `when` names choices of a field further up, which is itself always there";
        return Err(problem("when", text));
    }
    Ok(())
}
