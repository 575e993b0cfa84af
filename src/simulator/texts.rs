//! Texts on demand: what a provider writes freely gives way to what a test wants to see come through.

use axum::{
    body::{Body, to_bytes},
    http::header,
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::Provider;

/// A longer answer breaks off.
const LONGEST: usize = 4 << 20;

/// An order for texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// Whose answers.
    provider: Provider,
    /// The member whose text is replaced, wherever it stands in an answer.
    member: String,
    /// What stands there instead: each in its turn, then the first again.
    texts: Vec<String>,
    /// Whose turn it is.
    #[serde(skip)]
    turn: usize,
}

impl Swap {
    /// Why the order cannot be carried out.
    pub fn refusal(&self) -> Option<&'static str> {
        self.texts.is_empty().then_some("texts must not be empty")
    }

    fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if *name == self.member => {
                            if let Some(next) = self.texts.get(self.turn) {
                                text.clone_from(next);
                            }
                            self.turn = (self.turn + 1) % self.texts.len();
                        }
                        value => self.replace(value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.replace(value)),
            _ => {}
        }
    }
}

/// The orders, until they are forgotten.
#[derive(Default)]
pub struct Texts(Vec<Swap>);

impl Texts {
    /// Adds an order.
    pub fn add(&mut self, swap: Swap) {
        self.0.push(swap);
    }

    /// The orders.
    pub fn orders(&self) -> &[Swap] {
        &self.0
    }

    /// Forgets every order.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether answers of `provider` are to be changed.
    pub fn meet(&self, provider: Provider) -> bool {
        self.0.iter().any(|swap| swap.provider == provider)
    }

    fn replace(&mut self, provider: Provider, document: &mut Value) {
        self.0.iter_mut().filter(|swap| swap.provider == provider).for_each(|swap| swap.replace(document));
    }
}

/// The answer with its texts replaced, if it is JSON. A fault that ends it early still does.
async fn swap(response: Response, replace: impl FnOnce(&mut Value)) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LONGEST).await else {
        return Response::from_parts(parts, super::broken::nothing());
    };
    let Ok(mut document) = serde_json::from_slice(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    replace(&mut document);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document.to_string()))
}

impl super::Simulator {
    /// The answer of `provider` as it was ordered.
    pub(super) async fn reword(&self, provider: Provider, response: Response) -> Response {
        if !self.lock().texts.meet(provider) {
            return response;
        }
        swap(response, |document| self.lock().texts.replace(provider, document)).await
    }
}
