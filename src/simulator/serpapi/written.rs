//! Answers as pages: `output=html` and `output=md` in place of JSON.

use axum::{
    Json,
    http::header,
    response::{Html, IntoResponse, Response},
};
use serde_json::Value;

use crate::simulator::credential::Params;

/// The kinds of output.
pub const OUTPUTS: [&str; 3] = ["json", "html", "md"];

/// The answer `body` in the form that `output` asks for.
pub fn written(body: &Value, output: Option<&str>) -> Response {
    match output {
        Some("html") => Html(html(body)).into_response(),
        Some("md") => {
            ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], markdown(body)).into_response()
        }
        _ => Json(body).into_response(),
    }
}

/// The form that a request asks for: of an archived search also by the end of its name.
pub fn output<'p>(params: &'p Params, name: &'p str) -> Option<&'p str> {
    params.get("output").or_else(|| name.rsplit_once('.').map(|(_, end)| end))
}

/// Titles with their addresses, and the text that stands in for results where there are none.
fn rows(body: &Value) -> Vec<(&str, Option<&str>)> {
    let results = body["organic_results"].as_array().or_else(|| body["local_results"].as_array());
    let one = body.get("place_results");
    let all = results.into_iter().flatten().chain(one);
    let mut rows: Vec<_> = all
        .filter_map(|row| {
            Some((row["title"].as_str()?, row["link"].as_str().or_else(|| row["website"].as_str())))
        })
        .collect();
    rows.extend(body["error"].as_str().map(|error| (error, None)));
    rows
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(body: &Value) -> String {
    let q = escaped(body["search_parameters"]["q"].as_str().unwrap_or_default());
    let items: String = rows(body)
        .into_iter()
        .map(|(title, link)| match link {
            Some(link) => format!("<li><a href=\"{}\">{}</a></li>\n", escaped(link), escaped(title)),
            None => format!("<li>{}</li>\n", escaped(title)),
        })
        .collect();
    format!("<!doctype html>\n<title>{q}</title>\n<h1>{q}</h1>\n<ol>\n{items}</ol>\n")
}

fn markdown(body: &Value) -> String {
    let q = body["search_parameters"]["q"].as_str().unwrap_or_default();
    let items: String = rows(body)
        .into_iter()
        .map(|(title, link)| match link {
            Some(link) => format!("1. [{title}]({link})\n"),
            None => format!("1. {title}\n"),
        })
        .collect();
    format!("# {q}\n\n{items}")
}
