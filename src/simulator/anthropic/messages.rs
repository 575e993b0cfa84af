//! `POST /v1/messages` and `POST /v1/messages/count_tokens`.

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{For, MODELS, Version, admit, counted, refuse, unknown_model};
use crate::simulator::{
    Simulator,
    events::Events,
    keys::Provider,
    language::{End, Last, Prompt, Spoken, count, names, speak, texts, tokens},
};

/// Answers a conversation, whole or in a stream.
pub async fn create(
    Shared(simulator): Shared<Simulator>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let (place, version) = match admit(&simulator, &headers, &uri, For::Generation).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let (body, model, mut prompt) = match understand(&body) {
        Ok(understood) => understood,
        Err(refusal) => return refusal,
    };
    prompt.most = match &body["max_tokens"] {
        Value::Null => return refuse("max_tokens: Field required"),
        most => match count(most) {
            Some(most) if most > 0 => Some(most),
            _ => return refuse("max_tokens: Input should be greater than or equal to 1"),
        },
    };
    if version == Version::Second
        && let Some(name) = ["temperature", "top_p", "top_k"].iter().find(|name| !body[**name].is_null())
    {
        return refuse(&format!("{name}: Extra inputs are not permitted"));
    }
    let spoken = speak(&simulator, Provider::Anthropic, place, &prompt);
    let answer = Answer { id: simulator.lock().fresh(), model, spoken };
    let answer = if body["stream"] == true {
        answer.stream().into_response()
    } else {
        Json(answer.whole()).into_response()
    };
    counted(&simulator, place, answer)
}

/// Counts the tokens of a conversation, free.
pub async fn count_tokens(
    Shared(simulator): Shared<Simulator>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    if let Err(refusal) = admit(&simulator, &headers, &uri, For::Generation).await {
        return refusal;
    }
    match understand(&body) {
        Ok((_, _, prompt)) => Json(json!({ "input_tokens": prompt.tokens() })).into_response(),
        Err(refusal) => refusal,
    }
}

/// The body of a request, its model and its conversation.
fn understand(body: &[u8]) -> Result<(Value, String, Prompt), Response> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Err(refuse("The request body is not valid JSON."));
    };
    let body = Value::Object(members);
    let Some(model) = body["model"].as_str() else { return Err(refuse("model: Field required")) };
    if !MODELS.iter().any(|(known, _)| *known == model) {
        return Err(unknown_model(model));
    }
    let Some(messages) = body["messages"].as_array() else { return Err(refuse("messages: Field required")) };
    let Some(last) = messages.last() else {
        return Err(refuse("messages: at least one message is required"));
    };
    if let Some(place) =
        messages.iter().position(|message| !(message["role"] == "user" || message["role"] == "assistant"))
    {
        return Err(refuse(&format!("messages.{place}.role: Input should be 'user' or 'assistant'")));
    }
    let said = |message: &Value| texts(&message["content"]).join(" ");
    let answered =
        last["content"].as_array().into_iter().flatten().rfind(|part| part["type"] == "tool_result");
    let last = match answered {
        Some(result) => Last::Tool(said(result)),
        None => Last::User(
            messages.iter().rev().find(|message| message["role"] == "user").map(said).unwrap_or_default(),
        ),
    };
    let mut texts_of: Vec<String> = messages.iter().flat_map(|message| texts(&message["content"])).collect();
    texts_of.extend(texts(&body["system"]));
    let prompt = Prompt {
        texts: texts_of,
        last,
        tools: if body["tool_choice"]["type"] == "none" {
            Vec::new()
        } else {
            names(&body["tools"], "/name")
        },
        most: None,
        stops: names(&body["stop_sequences"], ""),
    };
    let model = model.to_owned();
    Ok((body, model, prompt))
}

struct Answer {
    id: String,
    model: String,
    spoken: Spoken,
}

impl Answer {
    fn reason(&self) -> &'static str {
        match self.spoken.end {
            End::Finished => "end_turn",
            End::Length => "max_tokens",
            End::Stop(_) => "stop_sequence",
            End::Call(_) => "tool_use",
            End::Refused => "refusal",
        }
    }

    fn stop(&self) -> Option<&str> {
        if let End::Stop(stop) = &self.spoken.end { Some(stop) } else { None }
    }

    fn message(&self, content: Value, reason: Option<&str>, output: u64) -> Value {
        json!({
            "id": format!("msg_{}", self.id),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": reason.and_then(|_| self.stop()),
            "usage": {
                "input_tokens": self.spoken.input,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": output,
                "service_tier": "standard",
            },
        })
    }

    /// The blocks, a text only where something is said.
    fn blocks(&self) -> Vec<Value> {
        let text = self.spoken.text();
        let text = (!text.is_empty()).then(|| json!({ "type": "text", "text": text }));
        let call = self.spoken.call().map(|call| {
            json!({ "type": "tool_use", "id": format!("toolu_{}", self.id), "name": call.name, "input": call.arguments })
        });
        text.into_iter().chain(call).collect()
    }

    fn whole(&self) -> Value {
        self.message(self.blocks().into(), Some(self.reason()), self.spoken.output)
    }

    fn stream(&self) -> Events {
        let mut events = Events::default();
        let mut say = |name: &str, mut data: Value| {
            data["type"] = name.into();
            events.named(name, &data);
        };
        say("message_start", json!({ "message": self.message(json!([]), None, 1) }));
        for (index, block) in self.blocks().into_iter().enumerate() {
            let called = block["type"] == "tool_use";
            let mut begun = block;
            let written = if called { begun["input"].take().to_string() } else { String::new() };
            if called {
                begun["input"] = json!({});
            } else {
                begun["text"] = "".into();
            }
            say("content_block_start", json!({ "index": index, "content_block": begun }));
            if index == 0 {
                say("ping", json!({}));
            }
            let deltas: Vec<Value> = if called {
                tokens(&written)
                    .map(|part| json!({ "type": "input_json_delta", "partial_json": part }))
                    .collect()
            } else {
                self.spoken.tokens.iter().map(|text| json!({ "type": "text_delta", "text": text })).collect()
            };
            for delta in deltas {
                say("content_block_delta", json!({ "index": index, "delta": delta }));
            }
            say("content_block_stop", json!({ "index": index }));
        }
        let delta = json!({ "stop_reason": self.reason(), "stop_sequence": self.stop() });
        say("message_delta", json!({ "delta": delta, "usage": { "output_tokens": self.spoken.output } }));
        say("message_stop", json!({}));
        events
    }
}
