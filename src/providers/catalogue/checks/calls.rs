//! The calls of a probe, operations, and the rules of both.

use serde_json::{Map, Value};

use super::{Checked, any_field, header_name};
use crate::providers::{
    catalogue::{
        problem::{Problem, at},
        read::{Place, QuotaRead, Read, Text},
        rule::{Rule, Test, Then},
        schema::{Auth, BodyFormat, Form, LinkRule, Method, Probe, ProviderFile},
    },
    template::Template,
};

pub(super) fn check(file: &ProviderFile) -> Checked {
    if !file.budgets.contains_key("probe") {
        return Err(Problem::new(at!["budgets"], "no budget is called probe"));
    }
    for (place, call) in file.probe.iter().enumerate() {
        let outer =
            |problem: Problem| problem.within(at!["probe", place], &format!("probe {}: ", call.operation));
        one_call(file, call).map_err(outer)?;
        if file.probe.iter().take(place).any(|other| other.operation == call.operation) {
            return Err(outer(Problem::new(at!["operation"], "is there twice")));
        }
    }
    for (place, form) in file.forms.iter().enumerate() {
        if !file.probe.iter().any(|call| call.decides && call.when.fits(&form.id)) {
            let text = format!("no call of the probe decides for the form {}", form.id);
            return Err(Problem::new(at!["forms", place], text));
        }
    }
    for (name, operation) in &file.operations {
        let outer =
            |problem: Problem| problem.within(at!["operations", name], &format!("operation {name}: "));
        path(file, &operation.path, false).map_err(outer)?;
        rules(&operation.rules, false).map_err(outer)?;
        method(file.forms.iter(), operation.method, None).map_err(outer)?;
        if !file.budgets.contains_key(&operation.budget) {
            let text = format!("no budget is called {}", operation.budget);
            return Err(outer(Problem::new(at!["budget"], text)));
        }
        if let Some(rule) = &operation.link {
            link(file, rule).map_err(|problem| outer(problem.within(at!["link"], "link: ")))?;
        }
    }
    Ok(())
}

fn one_call(file: &ProviderFile, call: &Probe) -> Checked {
    path(file, &call.path, true)?;
    rules(&call.rules, true)?;
    for (place, rule) in call.rules.iter().enumerate() {
        let problem = |text: &str| Problem::new(at!["rules", place], format!("rule {}: {text}", place + 1));
        if !(call.decides || rule.then.is_accepted() || rule.then == Then::Unreachable) {
            return Err(problem("a call that does not decide cannot refuse"));
        }
        if rule.ask_on && !call.decides {
            return Err(problem("ask_on is for deciding calls"));
        }
    }
    let when = &call.when;
    if when.form.as_ref().is_some_and(|id| !file.forms.iter().any(|form| form.id == *id)) {
        return Err(Problem::new(at!["when"], "when: no such form"));
    }
    if when.present.as_ref().is_some_and(|name| any_field(file, name).is_none()) {
        return Err(Problem::new(at!["when"], "when: no such field"));
    }
    let forms = file.forms.iter().filter(|form| when.fits(&form.id));
    method(forms, call.method, call.body.as_ref())?;
    read(&call.read).map_err(|problem| problem.within(at!["read"], ""))
}

fn read(read: &Read) -> Checked {
    let named = |name: &'static str, spec: &Option<Text>| {
        spec.as_ref().map_or(Ok(()), |spec| text(spec).map_err(|problem| problem.within(at![name], name)))
    };
    named("account", &read.account)?;
    named("plan", &read.plan)?;
    for (label, spec) in &read.facts {
        text(spec).map_err(|problem| problem.within(at!["facts", label], &format!("fact {label}")))?;
    }
    let within = |problem: Problem| problem.within(at!["quota"], "quota");
    read.quota.as_ref().map_or(Ok(()), |spec| quota(spec).map_err(within))
}

/// What an answer leads to lies on hosts that the file names: a pattern needs a whole name to be below.
fn link(file: &ProviderFile, link: &LinkRule) -> Checked {
    rules(&link.rules, false)?;
    if !file.budgets.contains_key(&link.budget) {
        return Err(Problem::new(at!["budget"], format!("no budget is called {}", link.budget)));
    }
    let whole = |host: &String| {
        let name = host.strip_prefix("*.").unwrap_or(host);
        name.contains('.') && !name.contains('*') && !name.starts_with('.')
    };
    if link.hosts.is_empty() || !link.hosts.iter().all(whole) {
        return Err(Problem::new(at!["hosts"], "hosts must be whole names, or `*.` and a whole name"));
    }
    Ok(())
}

/// Only a POST has a body, be it for what is asked or for the credential.
fn method<'f>(
    forms: impl Iterator<Item = &'f Form>,
    method: Method,
    body: Option<&Map<String, Value>>,
) -> Checked {
    let mut formats = forms.filter_map(|form| match &form.auth {
        Auth::Body { format, .. } => Some(*format),
        Auth::Query { .. } | Auth::Header { .. } | Auth::Basic { .. } => None,
    });
    let first = formats.next();
    if method != Method::Post && (first.is_some() || body.is_some()) {
        return Err(Problem::new(at!["method"], "a body needs the method POST"));
    }
    let flat = |body: &Map<String, Value>| body.values().all(Value::is_string);
    if first.into_iter().chain(formats).any(|format| format == BodyFormat::Form) && !body.is_none_or(flat) {
        return Err(Problem::new(at!["body"], "a body that is sent as a form holds texts only"));
    }
    Ok(())
}

fn text(text: &Text) -> Checked {
    let problem = |text: &str| Problem::new(at![], format!(": {text}"));
    match (&text.pointer, &text.header) {
        (Some(pointers), None) if pointers.as_slice().is_empty() => {
            return Err(problem("a text without a pointer"));
        }
        (Some(_), None) if text.list => return Err(problem("`list` is for a header")),
        (Some(_), None) => {}
        (None, Some(name)) => {
            header_name(name).map_err(|text| problem(&text))?;
            if text.within.is_some() || !text.whose.is_empty() || text.differs_from.is_some() {
                return Err(problem("`within`, `whose` and `differs_from` are for a pointer"));
            }
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(problem("a text is either at a pointer or in a header"));
        }
    }
    if text.within.is_none() && !text.whose.is_empty() {
        return Err(problem("`whose` needs `within`"));
    }
    Ok(())
}

fn quota(quota: &QuotaRead) -> Checked {
    for (name, place) in quota.places() {
        if let Place::Header(place) = place {
            header_name(&place.header).map_err(|text| Problem::new(at![name], format!(": {text}")))?;
        }
    }
    if quota.resets_at.is_some() && quota.resets_in.is_some() {
        return Err(Problem::new(at!["resets_in"], ": it is either `resets_at` or `resets_in`"));
    }
    Ok(())
}

/// Paths hold fields of every form, none of them secret: paths get logged, at the provider if not here.
fn path(file: &ProviderFile, path: &Template, fields_only: bool) -> Checked {
    let problem = |text: String| Problem::new(at!["path"], text);
    if !path.is_path() {
        return Err(problem("path must start with / and hold plain characters only".to_owned()));
    }
    for name in path.fields() {
        match any_field(file, name) {
            Some(field) if field.secret => return Err(problem(format!("path: field {name} is secret"))),
            None if fields_only => return Err(problem(format!("path: no form has the field {name}"))),
            _ => {}
        }
    }
    Ok(())
}

fn rules(rules: &[Rule], probe: bool) -> Checked {
    for (place, rule) in rules.iter().enumerate() {
        let problem = |text: &str| Problem::new(at!["rules", place], format!("rule {}: {text}", place + 1));
        if !rule.then.allows(rule.reason()) {
            return Err(problem("this reason does not fit the result"));
        }
        if probe && rule.then == Then::BadRequest {
            return Err(problem("bad_request is for operations"));
        }
        let statuses = rule.status.as_slice();
        if statuses.is_empty() || statuses.iter().any(|status| !(200..600).contains(status)) {
            return Err(problem("status must be from 200 to 599"));
        }
        // A bare status says nothing sure: a firewall or a portal on the way answers with any of them.
        let refuses = rule.then.is_refused() || matches!(rule.then, Then::Limited | Then::Exhausted);
        if refuses && rule.json.is_empty() && rule.text.is_none() && rule.header.is_empty() {
            return Err(problem("a refusal must also look at the body or a header"));
        }
        if !rule.lacks.is_empty() && (!probe || rule.then != Then::Limited) {
            return Err(problem("lacks is for limited in a probe"));
        }
        if rule.header.values().chain(&rule.text).any(|test| matches!(test, Test::Reaches(_))) {
            return Err(problem("reaches is for json"));
        }
        let tests = rule.json.values().chain(rule.header.values()).chain(&rule.text);
        for test in tests {
            let empty = match test {
                Test::Contains(text) => text.is_empty(),
                Test::OneOf(values) => values.is_empty(),
                Test::Equals(_) | Test::AtMost(_) | Test::Reaches(_) | Test::Exists(_) => false,
            };
            if empty {
                return Err(problem("a test is empty"));
            }
        }
    }
    Ok(())
}
