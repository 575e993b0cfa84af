//! What a catalogue file must keep to beyond its types. Each problem is one sentence.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{
    rule::{Rule, Test, Then},
    schema::{Auth, Field, Form, Probe, ProviderFile, Text},
};
use crate::providers::template::Template;

/// The first problem of `file`.
pub(super) fn check(file: &ProviderFile) -> Result<(), String> {
    texts(file)?;
    forms(file)?;
    realms(file)?;
    probe(file)?;
    operations(file)
}

fn texts(file: &ProviderFile) -> Result<(), String> {
    for (name, text) in
        [("name", &file.name), ("monogram", &file.monogram), ("summary", &file.summary), ("noun", &file.noun)]
    {
        if text.trim().is_empty() {
            return Err(format!("{name} is empty"));
        }
    }
    if file.steps.is_empty() {
        return Err("there are no steps to obtain the key".to_owned());
    }
    let links = &file.links;
    for link in [&links.keys, &links.documentation, &links.billing, &links.revoke] {
        if !Url::parse(link).is_ok_and(|url| url.scheme() == "https") {
            return Err("links: each must be an https address".to_owned());
        }
    }
    Ok(())
}

fn forms(file: &ProviderFile) -> Result<(), String> {
    if file.forms.is_empty() {
        return Err("there is no form".to_owned());
    }
    let mut ids = BTreeSet::new();
    let mut kinds: BTreeMap<&str, (bool, Vec<&str>)> = BTreeMap::new();
    for form in &file.forms {
        let problem = |text: String| format!("form {}: {text}", form.id);
        if !ids.insert(&form.id) {
            return Err(problem("is there twice".to_owned()));
        }
        one_form(form).map_err(problem)?;
        for field in &form.fields {
            let kind = (field.secret, field.choices.iter().map(|c| c.value.as_str()).collect());
            if *kinds.entry(&field.name).or_insert_with(|| kind.clone()) != kind {
                return Err(problem(format!("field {} differs from the one in another form", field.name)));
            }
        }
    }
    let secret = |name: &String| any_field(file, name).is_some_and(|field| field.secret);
    if file.webhook_secret.as_ref().is_some_and(|name| !secret(name)) {
        return Err("webhook_secret must name a secret field".to_owned());
    }
    if file.account.as_ref().is_some_and(|text| any_field(file, &text.field).is_none_or(|f| f.secret)) {
        return Err("account must name a field that is not secret".to_owned());
    }
    for field in
        file.present.values().map(String::as_str).chain(file.headers.values().flat_map(Template::fields))
    {
        if any_field(file, field).is_none() {
            return Err(format!("no form has the field {field}"));
        }
    }
    file.headers.keys().try_for_each(|name| header_name(name))
}

fn one_form(form: &Form) -> Result<(), String> {
    for template in form.auth.templates() {
        for name in template.fields() {
            match form.field(name) {
                None => return Err(format!("auth: no such field {name}")),
                Some(field) if field.optional => return Err(format!("auth: field {name} is optional")),
                Some(_) => {}
            }
        }
    }
    if let Auth::Header { name, .. } = &form.auth {
        header_name(name)?;
    }
    let mut names = BTreeSet::new();
    for field in &form.fields {
        let named = !field.name.is_empty() && field.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !named || field.name == "form" {
            return Err(format!("field {}: a name is made of a-z and _, and is not “form”", field.name));
        }
        if !names.insert(&field.name) {
            return Err(format!("field {} is there twice", field.name));
        }
        if field.refused.iter().any(|kind| kind.prefix.is_empty()) {
            return Err(format!("field {}: a kind that is refused needs a prefix", field.name));
        }
        if field.secret && !field.choices.is_empty() {
            return Err(format!("field {}: a secret cannot be one of a few choices", field.name));
        }
    }
    if !form.fields.iter().any(|field| field.secret && !field.optional) {
        return Err("no required field is secret".to_owned());
    }
    Ok(())
}

fn header_name(name: &str) -> Result<(), String> {
    let valid = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
    if valid { Ok(()) } else { Err(format!("{name} is not the name of a header")) }
}

fn any_field<'f>(file: &'f ProviderFile, name: &str) -> Option<&'f Field> {
    file.forms.iter().find_map(|form| form.field(name))
}

/// One realm without regions, or one realm for each choice of the field `region` of every form.
fn realms(file: &ProviderFile) -> Result<(), String> {
    for realm in &file.realms {
        let canonical =
            realm.binding.strip_prefix("https://").and_then(|rest| rest.rsplit_once(':')).is_some_and(
                |(host, port)| {
                    !host.is_empty() && !host.contains(['/', '@', ':']) && port.parse::<u16>().is_ok()
                },
            );
        if !canonical {
            return Err("realm: binding must be https://host:port".to_owned());
        }
        if !realm.origin.is_https() {
            return Err("realm: only https is allowed as origin".to_owned());
        }
    }
    let regions: BTreeSet<_> = file.realms.iter().map(|realm| realm.region.as_deref()).collect();
    let bindings: BTreeSet<_> = file.realms.iter().map(|realm| &realm.binding).collect();
    if regions.len() != file.realms.len() || bindings.len() != file.realms.len() {
        return Err("realm: a region or a binding is there twice".to_owned());
    }
    for form in &file.forms {
        let offered: BTreeSet<_> = match form.field("region") {
            Some(field) => field.choices.iter().map(|choice| Some(choice.value.as_str())).collect(),
            None => BTreeSet::from([None]),
        };
        if offered != regions {
            return Err(format!("form {}: the regions offered are not those of the realms", form.id));
        }
    }
    Ok(())
}

fn probe(file: &ProviderFile) -> Result<(), String> {
    if !file.budgets.contains_key("probe") {
        return Err("no budget is called probe".to_owned());
    }
    for call in &file.probe {
        let problem = |text: String| format!("probe {}: {text}", call.operation);
        path(file, &call.path, true).map_err(problem)?;
        rules(&call.rules, true).map_err(problem)?;
        for (at, rule) in call.rules.iter().enumerate() {
            if !(call.decides || rule.then.is_accepted() || rule.then == Then::Unreachable) {
                return Err(problem(format!("rule {}: a call that does not decide cannot refuse", at + 1)));
            }
            if rule.ask_on && !call.decides {
                return Err(problem(format!("rule {}: ask_on is for deciding calls", at + 1)));
            }
        }
        let when = &call.when;
        if when.form.as_ref().is_some_and(|id| !file.forms.iter().any(|form| form.id == *id)) {
            return Err(problem("when: no such form".to_owned()));
        }
        if when.present.as_ref().is_some_and(|name| any_field(file, name).is_none()) {
            return Err(problem("when: no such field".to_owned()));
        }
        let texts = call.read.facts.values().chain(&call.read.account).chain(&call.read.plan);
        texts.clone().try_for_each(text).map_err(problem)?;
    }
    for form in &file.forms {
        let decides = |call: &Probe| call.decides && call.when.form.as_ref().is_none_or(|id| *id == form.id);
        if !file.probe.iter().any(decides) {
            return Err(format!("no call of the probe decides for the form {}", form.id));
        }
    }
    Ok(())
}

fn text(text: &Text) -> Result<(), String> {
    if text.pointer.as_slice().is_empty() {
        return Err("a text without a pointer".to_owned());
    }
    if text.within.is_none() && !text.whose.is_empty() {
        return Err("`whose` needs `within`".to_owned());
    }
    Ok(())
}

fn operations(file: &ProviderFile) -> Result<(), String> {
    for (name, operation) in &file.operations {
        let problem = |text: String| format!("operation {name}: {text}");
        path(file, &operation.path, false).map_err(problem)?;
        rules(&operation.rules, false).map_err(problem)?;
        if !file.budgets.contains_key(&operation.budget) {
            return Err(problem(format!("no budget is called {}", operation.budget)));
        }
    }
    Ok(())
}

/// Paths hold fields of every form, none of them secret: paths get logged, at the provider if not here.
fn path(file: &ProviderFile, path: &Template, fields_only: bool) -> Result<(), String> {
    if !path.is_path() {
        return Err("path must start with / and hold plain characters only".to_owned());
    }
    for name in path.fields() {
        match any_field(file, name) {
            Some(field) if field.secret => return Err(format!("path: field {name} is secret")),
            None if fields_only => return Err(format!("path: no form has the field {name}")),
            _ => {}
        }
    }
    Ok(())
}

fn rules(rules: &[Rule], probe: bool) -> Result<(), String> {
    for (at, rule) in rules.iter().enumerate() {
        let problem = |text: &str| format!("rule {}: {text}", at + 1);
        if !rule.then.allows(rule.reason()) {
            return Err(problem("this reason does not fit the result"));
        }
        if probe && rule.then == Then::BadRequest {
            return Err(problem("bad_request is for operations"));
        }
        if rule.status.as_slice().is_empty() || rule.status.as_slice().iter().any(|s| !(200..600).contains(s))
        {
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
