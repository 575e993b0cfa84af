//! One operation on the page.

use leptos::prelude::*;
use serde_json::Value;

use super::{page::prose, schema};

/// An operation of the description.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
    /// The types of the description.
    pub(super) components: &'a Value,
}

impl<'a> Operation<'a> {
    /// Its name in the description and in addresses.
    pub(super) fn id(self) -> &'a str {
        self.text("operationId")
    }

    /// What it does, in a few words.
    pub(super) fn summary(self) -> &'a str {
        self.text("summary")
    }

    fn text(self, field: &str) -> &'a str {
        self.value[field].as_str().unwrap_or_default()
    }

    /// Whether it belongs to the group.
    pub(super) fn is_tagged(self, tag: &str) -> bool {
        self.value["tags"].get(0).is_some_and(|own| own == tag)
    }

    fn parameters(self) -> impl Iterator<Item = &'a Value> {
        self.value["parameters"].as_array().into_iter().flatten()
    }

    fn body(self) -> Option<&'a Value> {
        self.value["requestBody"]["content"].get("application/json")
    }

    /// The path with an example in the place of each parameter, and the query's examples.
    fn target(self) -> String {
        let mut target = self.path.to_owned();
        let mut query = Vec::new();
        for parameter in self.parameters() {
            let name = parameter["name"].as_str().unwrap_or_default();
            match (parameter["in"].as_str(), parameter["example"].as_str()) {
                (Some("path"), _) => {
                    let example = schema::example(&parameter["schema"], self.components);
                    target = target.replace(&format!("{{{name}}}"), example.as_str().unwrap_or_default());
                }
                (Some("query"), Some(example)) => query.push(format!("{name}={example}")),
                _ => {}
            }
        }
        if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
    }

    /// The example request as a command.
    pub(super) fn curl(self) -> String {
        let mut command = String::from("curl");
        if self.method != "get" {
            command.push_str(&format!(" -X {}", self.method.to_uppercase()));
        }
        command.push_str(&format!(" \"$KEYWARD{}\"", self.target()));
        if self.value.get("security").is_some() {
            command.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
        }
        if let Some(body) = self.body() {
            let json = body["example"].to_string().replace('\'', "'\\''");
            command.push_str(&format!(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{json}'"));
        }
        command
    }

    /// Who may call it, in a sentence.
    fn access(self) -> String {
        let Some(ways) = self.value["security"].as_array() else { return "Open to everybody.".to_owned() };
        let scopes = ways.iter().find_map(|way| way["api_token"].as_array());
        if ways.iter().any(|way| way.get("system").is_some()) {
            return "For another back end, with the installation's own token.".to_owned();
        }
        match scopes.map(|scopes| scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>()) {
            None => "For sessions only, by cookie or log-in token.".to_owned(),
            Some(scopes) => {
                format!("For sessions, and for API tokens with the scope `{}`.", scopes.join("`, `"))
            }
        }
    }

    /// The operation as a part of the page.
    pub(super) fn view(self) -> impl IntoView + use<> {
        let id = self.id().to_owned();
        let responses = self.value["responses"].as_object();
        let responses: Vec<_> =
            responses.into_iter().flatten().map(|(status, r)| response(status, r)).collect();
        view! {
            <article class="api-operation" aria-labelledby=id.clone()>
                <h3 id=id.clone()>{self.summary().to_owned()}</h3>
                <p class="api-address">
                    <span class="api-method">{self.method.to_uppercase()}</span>
                    <code>{self.path.to_owned()}</code>
                </p>
                {prose(self.text("description"))}
                <p class="muted">{prose_inline(&self.access())}</p>
                {self.parameters_view()}
                {self.body_view()}
                <h4>"Example"</h4>
                <pre class="api-code">
                    <code>{self.curl()}</code>
                </pre>
                {self.answer_view()}
                <h4>"Answers"</h4>
                <dl class="api-fields">{responses}</dl>
            </article>
        }
    }

    fn parameters_view(self) -> Option<AnyView> {
        let parameters: Vec<_> = self
            .parameters()
            .map(|parameter| {
                let place = match parameter["in"].as_str() {
                    Some("path") => "in the path",
                    _ => "in the query string, optional",
                };
                let kind = format!("{}, {place}", schema::words(&parameter["schema"]));
                field(parameter["name"].as_str().unwrap_or_default(), &kind, schema::description(parameter))
            })
            .collect();
        (!parameters.is_empty()).then(|| {
            view! {
                <h4>"Parameters"</h4>
                <dl class="api-fields">{parameters}</dl>
            }
            .into_any()
        })
    }

    fn body_view(self) -> Option<AnyView> {
        let body = &self.body()?["schema"];
        let body = schema::reference(body).map_or(body, |name| &self.components[name]);
        let view = view! {
            <h4>"Body"</h4>
            <dl class="api-fields">{fields(body)}</dl>
        };
        Some(view.into_any())
    }

    /// The example of the answer when all goes well.
    fn answer_view(self) -> Option<AnyView> {
        let responses = self.value["responses"].as_object()?;
        let (status, good) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
        let example = good["content"]["application/json"].get("example")?;
        let view = view! {
            <p class="muted">"The answer, with status " {status.clone()} ":"</p>
            <pre class="api-code">
                <code>{format!("{example:#}")}</code>
            </pre>
        };
        Some(view.into_any())
    }
}

/// The fields of an object, the required ones first.
pub(super) fn fields(object: &Value) -> Vec<AnyView> {
    let (required, optional): (Vec<_>, Vec<_>) =
        schema::properties(object).partition(|(name, _)| schema::requires(object, name));
    let required =
        required.into_iter().map(|(name, one)| field(name, &schema::words(one), schema::description(one)));
    let optional = optional.into_iter().map(|(name, one)| {
        field(name, &format!("{}, optional", schema::words(one)), schema::description(one))
    });
    required.chain(optional).collect()
}

fn field(name: &str, kind: &str, description: &str) -> AnyView {
    view! {
        <div>
            <dt>
                <code>{name.to_owned()}</code>
                " "
                <span class="muted">{kind.to_owned()}</span>
            </dt>
            <dd>{prose_inline(description)}</dd>
        </div>
    }
    .into_any()
}

fn response(status: &str, response: &Value) -> AnyView {
    let problem = &response["content"]["application/problem+json"];
    let codes = problem["examples"].as_object();
    // The description's sentence about the codes gives way to links.
    let words = response["description"].as_str().unwrap_or_default();
    let own = if codes.is_some() { words.split('`').next().unwrap_or_default() } else { words };
    let schema = &response["content"]["application/json"]["schema"];
    let kind = schema::reference(schema).map(|name| {
        let anchor = format!("#type-{name}");
        view! {
            <a href=anchor>{schema::plain_name(name)}</a>
            " "
        }
    });
    let codes: Vec<_> = codes
        .into_iter()
        .flatten()
        .map(|(code, _)| {
            view! {
                <li>
                    <a href=format!("#problem-{code}")>
                        <code>{code.clone()}</code>
                    </a>
                </li>
            }
        })
        .collect();
    let codes = (!codes.is_empty()).then(|| view! { <ul class="api-codes">{codes}</ul> });
    view! {
        <div>
            <dt>
                <code>{status.to_owned()}</code>
                " "
                {kind}
            </dt>
            <dd>{prose_inline(own.trim())} {codes}</dd>
        </div>
    }
    .into_any()
}

/// Text with code between backticks.
pub(super) fn prose_inline(text: &str) -> Vec<AnyView> {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(place, part)| {
            let part = part.to_owned();
            if place % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
        })
        .collect()
}
