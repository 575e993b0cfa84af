//! `POST /chat/completions`.

use axum::{
    Json,
    body::Bytes,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{REASONING, counted, enter, missing, refuse};
use crate::simulator::{
    Answered, Asked,
    events::Events,
    keys::Provider,
    language::{End, Last, Prompt, Spoken, count, names, speak, texts, tokens},
    state::now,
};

/// Answers a conversation, whole or in a stream.
pub async fn completions(asked: Asked, body: Bytes) -> Answered {
    let (place, body, model) = enter(&asked, &body).await?;
    let prompt = prompt(&body, &model)?;
    let simulator = asked.simulator;
    let spoken = speak(&simulator, Provider::Openai, place, &prompt);
    let id = simulator.lock().fresh();
    let answer = Answer { id, model, created: now().seconds(), spoken };
    let answer = if body["stream"] == true {
        answer.stream(body["stream_options"]["include_usage"] == true).into_response()
    } else {
        Json(answer.whole()).into_response()
    };
    Ok(counted(&simulator, place, answer))
}

fn prompt(body: &Value, model: &str) -> Result<Prompt, Response> {
    let Some(messages) = body["messages"].as_array() else { return Err(missing("messages")) };
    let Some(last) = messages.last() else {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.";
        return Err(refuse(Some("messages"), Some("empty_array"), message));
    };
    for (place, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !["system", "developer", "user", "assistant", "tool"].contains(&role) {
            let param = format!("messages[{place}].role");
            let message = format!(
                "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'tool', and 'developer'."
            );
            return Err(refuse(Some(&param), Some("invalid_value"), &message));
        }
    }
    if model.starts_with(REASONING) && !body["max_tokens"].is_null() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(refuse(Some("max_tokens"), Some("unsupported_parameter"), message));
    }
    let said = |message: &Value| texts(&message["content"]).join(" ");
    let last = if last["role"] == "tool" {
        Last::Tool(said(last))
    } else {
        Last::User(
            messages.iter().rev().find(|message| message["role"] == "user").map(said).unwrap_or_default(),
        )
    };
    let stops = match &body["stop"] {
        Value::String(stop) => vec![stop.clone()],
        stops => names(stops, ""),
    };
    Ok(Prompt {
        texts: messages.iter().flat_map(|message| texts(&message["content"])).collect(),
        last,
        tools: if body["tool_choice"] == "none" {
            Vec::new()
        } else {
            names(&body["tools"], "/function/name")
        },
        most: count(&body["max_completion_tokens"]).or_else(|| count(&body["max_tokens"])),
        stops,
    })
}

struct Answer {
    id: String,
    model: String,
    created: i64,
    spoken: Spoken,
}

impl Answer {
    fn reason(&self) -> &'static str {
        match self.spoken.end {
            End::Finished | End::Stop(_) => "stop",
            End::Length => "length",
            End::Call(_) => "tool_calls",
            End::Refused => "content_filter",
        }
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.spoken.input,
            "completion_tokens": self.spoken.output,
            "total_tokens": self.spoken.total(),
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 },
        })
    }

    fn whole(&self) -> Value {
        let text = self.spoken.text();
        let mut message = json!({
            "role": "assistant",
            "content": if text.is_empty() { Value::Null } else { text.into() },
            "refusal": null,
            "annotations": [],
        });
        if let Some(call) = self.spoken.call() {
            message["tool_calls"] = json!([{
                "id": format!("call_{}", self.id),
                "type": "function",
                "function": { "name": call.name, "arguments": call.written() },
            }]);
        }
        json!({
            "id": format!("chatcmpl-{}", self.id),
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": self.reason() }],
            "usage": self.usage(),
            "service_tier": "default",
        })
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.id),
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "choices": choices,
        })
    }

    fn stream(&self, usage: bool) -> Events {
        let mut events = Events::default();
        let mut delta = |delta: Value, reason: Option<&str>| {
            let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason });
            let mut chunk = self.chunk(json!([choice]));
            if usage {
                chunk["usage"] = Value::Null;
            }
            events.data(&chunk);
        };
        delta(json!({ "role": "assistant", "content": "", "refusal": null }), None);
        for token in &self.spoken.tokens {
            delta(json!({ "content": token }), None);
        }
        if let Some(call) = self.spoken.call() {
            let function = json!({ "name": call.name, "arguments": "" });
            let start = json!({ "index": 0, "id": format!("call_{}", self.id), "type": "function", "function": function });
            delta(json!({ "tool_calls": [start] }), None);
            for token in tokens(&call.written()) {
                delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": token } }] }), None);
            }
        }
        delta(json!({}), Some(self.reason()));
        if usage {
            let mut last = self.chunk(json!([]));
            last["usage"] = self.usage();
            events.data(&last);
        }
        events.text("[DONE]");
        events
    }
}
