//! What a catalogue file must keep to beyond its types. Each problem is one sentence and a place.

mod answers;
mod calls;
mod forms;

use std::collections::BTreeSet;

use url::Url;

use super::{
    problem::{Problem, at},
    schema::{Field, ProviderFile},
};
use crate::model::provider::Cost;

type Checked = Result<(), Problem>;

/// The first problem of `file`.
pub(super) fn check(file: &ProviderFile) -> Checked {
    texts(file)?;
    if file.check_every.is_some() && file.check_cost() == Cost::Billed {
        let text = "check_every: what costs money is never asked by schedule";
        return Err(Problem::new(at!["check_every"], text));
    }
    forms::check(file)?;
    places(file)?;
    calls::check(file)?;
    answers::check(file)
}

fn texts(file: &ProviderFile) -> Checked {
    for (name, text) in
        [("name", &file.name), ("monogram", &file.monogram), ("summary", &file.summary), ("noun", &file.noun)]
    {
        if text.trim().is_empty() {
            return Err(Problem::new(at![name], format!("{name} is empty")));
        }
    }
    if file.steps.is_empty() {
        return Err(Problem::new(at!["steps"], "there are no steps to obtain the key"));
    }
    let (steps, uncertain) = (file.steps.iter(), file.uncertain.iter());
    if steps.chain(&file.least_privilege).chain(uncertain).any(|text| text.trim().is_empty()) {
        return Err(Problem::new(at!["steps"], "a step, least_privilege or something uncertain is empty"));
    }
    let links = &file.links;
    let numbers = links.numbers.iter().map(|link| ("numbers", link));
    for (name, link) in [
        ("keys", &links.keys),
        ("documentation", &links.documentation),
        ("billing", &links.billing),
        ("revoke", &links.revoke),
    ]
    .into_iter()
    .chain(numbers)
    {
        if !Url::parse(link).is_ok_and(|url| url.scheme() == "https") {
            return Err(Problem::new(at!["links", name], "links: each must be an https address"));
        }
    }
    Ok(())
}

/// Where credentials go: to an address that users type, to one realm without regions, or to one realm for each
/// choice of the field `region` of every form.
fn places(file: &ProviderFile) -> Checked {
    match &file.endpoint {
        Some(_) if !file.realms.is_empty() => {
            return Err(Problem::new(at!["endpoint"], "realms and an endpoint cannot be together"));
        }
        Some(rule) => {
            let named = |host: &String| {
                let name = host.strip_prefix("*.").unwrap_or(host);
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
                name.contains('.') && name.bytes().all(plain)
            };
            if let Some(place) = rule.hosts.iter().position(|host| !named(host)) {
                let text = "endpoint: a host is written like name.example.com or *.example.com";
                return Err(Problem::new(at!["endpoint", "hosts", place], text));
            }
            return Ok(());
        }
        None => {}
    }
    if file.realms.is_empty() {
        return Err(Problem::new(at!["realms"], "there is neither a realm nor an endpoint"));
    }
    for (place, realm) in file.realms.iter().enumerate() {
        let canonical =
            realm.binding.strip_prefix("https://").and_then(|rest| rest.rsplit_once(':')).is_some_and(
                |(host, port)| {
                    !host.is_empty() && !host.contains(['/', '@', ':']) && port.parse::<u16>().is_ok()
                },
            );
        if !canonical {
            let text = "realm: binding must be https://host:port";
            return Err(Problem::new(at!["realms", place, "binding"], text));
        }
        if !realm.origin.is_https() {
            let text = "realm: only https is allowed as origin";
            return Err(Problem::new(at!["realms", place, "origin"], text));
        }
    }
    let regions: BTreeSet<_> = file.realms.iter().map(|realm| realm.region.as_deref()).collect();
    let bindings: BTreeSet<_> = file.realms.iter().map(|realm| &realm.binding).collect();
    if regions.len() != file.realms.len() || bindings.len() != file.realms.len() {
        return Err(Problem::new(at!["realms"], "realm: a region or a binding is there twice"));
    }
    for (place, form) in file.forms.iter().enumerate() {
        let offered: BTreeSet<_> = match form.field("region") {
            Some(field) => field.choices.iter().map(|choice| Some(choice.value.as_str())).collect(),
            None => BTreeSet::from([None]),
        };
        if offered != regions {
            let text = format!("form {}: the regions offered are not those of the realms", form.id);
            return Err(Problem::new(at!["forms", place], text));
        }
    }
    Ok(())
}

fn any_field<'f>(file: &'f ProviderFile, name: &str) -> Option<&'f Field> {
    file.forms.iter().find_map(|form| form.field(name))
}

fn header_name(name: &str) -> Result<(), String> {
    let valid = reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_ok();
    if valid { Ok(()) } else { Err(format!("{name} is not the name of a header")) }
}
