//! The table of documented answers.

use std::collections::BTreeSet;

use super::{Checked, header_name};
use crate::{
    model::check::Outcome,
    providers::catalogue::{
        answers::DocumentedAnswer,
        problem::{Problem, at},
        schema::ProviderFile,
    },
};

pub(super) fn check(file: &ProviderFile) -> Checked {
    let mut names = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for (place, answer) in file.answers.iter().enumerate() {
        let outer =
            |problem: Problem| problem.within(at!["answers", place], &format!("answer {}: ", place + 1));
        one(file, answer).map_err(outer)?;
        if answer.name.as_ref().is_some_and(|name| !names.insert((&answer.call, name))) {
            return Err(outer(Problem::new(at!["name"], "another answer of this call has the same name")));
        }
        let good = matches!(answer.outcome, Outcome::Valid | Outcome::Limited | Outcome::Exhausted);
        if answered.insert(&answer.call) && !good {
            return Err(outer(Problem::new(at!["outcome"], "the first answer of a call is the good one")));
        }
    }
    Ok(())
}

fn one(file: &ProviderFile, answer: &DocumentedAnswer) -> Checked {
    let Some(call) = file.probe.iter().find(|call| call.operation == answer.call) else {
        return Err(Problem::new(at!["call"], format!("the probe has no call {}", answer.call)));
    };
    let form = match &answer.form {
        Some(id) => file.forms.iter().find(|form| form.id == *id),
        None => file.forms.first(),
    };
    if !form.is_some_and(|form| call.when.fits(&form.id)) {
        return Err(Problem::new(at!["form"], "no such form, or the call is not made for it"));
    }
    if !(200..600).contains(&answer.status) {
        return Err(Problem::new(at!["status"], "status must be from 200 to 599"));
    }
    if answer.json.is_some() && answer.text.is_some() {
        return Err(Problem::new(at!["text"], "a body is either json or text"));
    }
    if answer.json.as_ref().is_some_and(|json| serde_json::from_str::<serde::de::IgnoredAny>(json).is_err()) {
        return Err(Problem::new(at!["json"], "json is not JSON"));
    }
    for name in answer.headers.keys() {
        header_name(name).map_err(|text| Problem::new(at!["headers", name], text))?;
    }
    for (call, name) in &answer.beside {
        let meant = |other: &DocumentedAnswer| other.call == *call && other.name.as_ref() == Some(name);
        if !file.answers.iter().any(meant) {
            return Err(Problem::new(at!["beside"], format!("the call {call} has no answer {name}")));
        }
    }
    if answer.source.trim().is_empty() {
        return Err(Problem::new(at!["source"], "the source is empty"));
    }
    Ok(())
}
