//! The page about the API: HTML without a script, made from the description.

use std::sync::LazyLock;

use leptos::{config::LeptosOptions, prelude::*, reactive::owner::Owner};
use serde_json::Value;

use super::{
    complete::TAGS,
    document::Document,
    guide,
    operation::{self, Operation, fields, prose_inline},
    problems, schema,
};
use crate::{
    app::ui::{Icon, Mark},
    model::error::ErrorCode,
};

/// What the description says does not change while the program runs.
static CONTENT: LazyLock<String> = LazyLock::new(|| render(|| content(&Document::get().value)));

/// The page.
pub(super) fn html(options: LeptosOptions) -> String {
    render(move || {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    <meta name="color-scheme" content="light dark" />
                    <meta name="description" content="Keyward's REST API: operations, examples and errors." />
                    <title>"API · Keyward"</title>
                    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                    <leptos_meta::HashedStylesheet options=options />
                </head>
                <body>
                    <a class="skip-link" href="#main">
                        "Skip to the content"
                    </a>
                    <header class="site-header">
                        <a href="/" class="brand">
                            <Icon mark=Mark::Shield />
                            "Keyward"
                        </a>
                        <nav class="site-nav" aria-label="Main">
                            <a href="/docs/api" aria-current="page">
                                "API"
                            </a>
                            <a href="/api/openapi.json">"OpenAPI 3.1"</a>
                        </nav>
                    </header>
                    <main id="main" tabindex="-1" inner_html=CONTENT.as_str()></main>
                </body>
            </html>
        }
    })
}

/// Renders once, without anything that could change later.
fn render<V: IntoView>(view: impl FnOnce() -> V) -> String {
    let owner = Owner::new_root(None);
    let html = owner.with(|| view().into_view().to_html());
    owner.unset();
    // The marks are for a browser that takes the page over, which none will.
    html.replace("<!>", "")
}

fn content(document: &Value) -> impl IntoView + use<> {
    let components = &document["components"]["schemas"];
    let groups: Vec<_> = TAGS
        .iter()
        .map(|(name, about)| {
            let own: Vec<_> = operations(document).filter(|operation| operation.is_tagged(name)).collect();
            (*name, *about, own)
        })
        .collect();
    let contents: Vec<_> = groups.iter().map(|(name, _, own)| contents_of(name, own)).collect();
    let sections: Vec<_> = groups
        .iter()
        .map(|(name, about, own)| {
            let own: Vec<_> = own.iter().map(|operation| operation.view()).collect();
            view! {
                <section class="section" aria-labelledby=anchor(name)>
                    <h2 id=anchor(name)>{*name}</h2>
                    <p class="page-lead">{*about}</p>
                    {own}
                </section>
            }
        })
        .collect();
    view! {
        <div class="page api">
            <h1>"API"</h1>
            <p class="page-lead">
                "Everything that the pages do with keys and services, a program can do too. This page is made from "
                <a href="/api/openapi.json">"the OpenAPI description"</a> " of the running version "
                {env!("CARGO_PKG_VERSION")} "."
            </p>
            <div class="api-columns">
                <nav class="api-contents" aria-labelledby="contents">
                    <h2 id="contents">"Contents"</h2>
                    <ul>
                        {guide::CONTENTS
                            .map(|(anchor, title)| {
                                view! {
                                    <li>
                                        <a href=format!("#{anchor}")>{title}</a>
                                    </li>
                                }
                            })
                            .collect_view()} {contents} <li>
                            <a href="#problems">"Problem codes"</a>
                        </li> <li>
                            <a href="#types">"Types"</a>
                        </li>
                    </ul>
                </nav>
                <div class="api-text">
                    {guide::view()} {sections} {problem_list()} {types(components)}
                </div>
            </div>
        </div>
    }
}

/// The operations in the order of their paths; of each path the reading ones first, the deleting ones last.
fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let components = &document["components"]["schemas"];
    document["paths"].as_object().into_iter().flatten().flat_map(move |(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| Some(Operation { method, path, value: item.get(method)?, components }))
    })
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn contents_of(name: &str, operations: &[Operation<'_>]) -> AnyView {
    let operations: Vec<_> = operations
        .iter()
        .map(|operation| {
            let target = format!("#{}", operation.id());
            view! {
                <li>
                    <a href=target>{operation.summary().to_owned()}</a>
                </li>
            }
        })
        .collect();
    view! {
        <li>
            <a href=format!("#{}", anchor(name))>{name.to_owned()}</a>
            <ul>{operations}</ul>
        </li>
    }
    .into_any()
}

/// Every code, with the status, what it means, and an example.
fn problem_list() -> impl IntoView {
    let problems: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let id = format!("problem-{}", code.code());
            view! {
                <article class="api-operation" aria-labelledby=id.clone()>
                    <h3 id=id.clone()>
                        <code>{code.code()}</code>
                    </h3>
                    <p>{code.title()} ", status " {code.status()} "."</p>
                    <p>{prose_inline(problems::remedy(*code))}</p>
                    <pre class="api-code">
                        <code>{format!("{:#}", problems::example(*code))}</code>
                    </pre>
                </article>
            }
        })
        .collect();
    view! {
        <section class="section" aria-labelledby="problems">
            <h2 id="problems">"Problem codes"</h2>
            <p class="page-lead">"The " <code>"type"</code> " of a problem leads to its paragraph here."</p>
            {problems}
        </section>
    }
}

/// Every type that bodies are made of.
fn types(components: &Value) -> impl IntoView + use<> {
    let types: Vec<_> = components
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, one)| {
            let id = format!("type-{name}");
            let mut fields = fields(one);
            for variant in schema::variants(one, "oneOf") {
                fields.extend(operation::fields(variant));
            }
            let words = fields.is_empty().then(|| view! { <p>{schema::words(one)}</p> });
            let fields = (!fields.is_empty()).then(|| view! { <dl class="api-fields">{fields}</dl> });
            view! {
                <article class="api-operation" aria-labelledby=id.clone()>
                    <h3 id=id.clone()>{schema::plain_name(name)}</h3>
                    {prose(schema::description(one))}
                    {words}
                    {fields}
                </article>
            }
        })
        .collect();
    view! {
        <section class="section" aria-labelledby="types">
            <h2 id="types">"Types"</h2>
            {types}
        </section>
    }
}

/// Paragraphs with code between backticks.
pub(super) fn prose(text: &str) -> Vec<AnyView> {
    text.split("\n\n")
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| view! { <p>{prose_inline(paragraph)}</p> }.into_any())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_code_and_type_is_on_the_page() {
        let html = CONTENT.as_str();
        for operation in operations(&Document::get().value) {
            assert!(html.contains(&format!("id=\"{}\"", operation.id())), "{}", operation.id());
        }
        for code in ErrorCode::ALL {
            assert!(html.contains(&format!("id=\"problem-{}\"", code.code())), "{}", code.code());
        }
        assert!(!html.contains("<script") && !html.contains(" style="));
    }

    #[test]
    fn links_within_the_page_lead_somewhere() {
        let html = CONTENT.as_str();
        for target in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(html.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
        }
    }

    #[test]
    fn a_command_quotes_its_body_for_the_shell() {
        let value = serde_json::json!({
            "requestBody": {"content": {"application/json": {"example": {"name": "it's"}}}},
        });
        let operation = Operation { method: "post", path: "/api/x", value: &value, components: &Value::Null };
        assert!(operation.curl().ends_with(r#"-d '{"name":"it'\''s"}'"#), "{}", operation.curl());
    }
}
