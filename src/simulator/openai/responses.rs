//! `POST /responses`.

use axum::{
    Json,
    body::Bytes,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{counted, enter, missing, refuse};
use crate::simulator::{
    Answered, Asked,
    events::Events,
    keys::Provider,
    language::{End, Last, Prompt, Spoken, count, names, speak, texts, tokens},
    state::now,
};

/// Answers an input, whole or in a stream.
pub async fn create(asked: Asked, body: Bytes) -> Answered {
    let (place, body, model) = enter(&asked, &body).await?;
    let prompt = prompt(&body)?;
    let simulator = asked.simulator;
    if let Some(id) = body["previous_response_id"].as_str()
        && !simulator.lock().accounts[place].allowance.remembers(id)
    {
        let message = format!("Previous response with id '{id}' not found.");
        return Err(refuse(Some("previous_response_id"), Some("previous_response_not_found"), &message));
    }
    let spoken = speak(&simulator, Provider::Openai, place, &prompt);
    let id = {
        let mut state = simulator.lock();
        let id = state.fresh();
        if body["store"] != false {
            state.accounts[place].allowance.remember(format!("resp_{id}"));
        }
        id
    };
    let answer = Answer { id, model, created: now().seconds(), spoken, asked: body };
    let answer = if answer.asked["stream"] == true {
        answer.stream().into_response()
    } else {
        Json(answer.whole()).into_response()
    };
    Ok(counted(&simulator, place, answer))
}

fn prompt(body: &Value) -> Result<Prompt, Response> {
    let (mut said, last) = match &body["input"] {
        Value::String(text) => (vec![text.clone()], Last::User(text.clone())),
        Value::Array(items) if !items.is_empty() => {
            let text = |item: &Value| texts(&item["content"]).join(" ");
            let last = match items.last() {
                Some(item) if item["type"] == "function_call_output" => {
                    Last::Tool(item["output"].as_str().unwrap_or_default().to_owned())
                }
                _ => Last::User(
                    items.iter().rev().find(|item| item["role"] == "user").map(text).unwrap_or_default(),
                ),
            };
            (items.iter().flat_map(|item| texts(&item["content"])).collect(), last)
        }
        Value::Null => return Err(missing("input")),
        _ => {
            let message = "Invalid type for 'input': expected a string or a list of items.";
            return Err(refuse(Some("input"), Some("invalid_type"), message));
        }
    };
    said.extend(body["instructions"].as_str().map(str::to_owned));
    let most = count(&body["max_output_tokens"]);
    if most.is_some_and(|most| most < 16) {
        let message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got a smaller one instead.";
        return Err(refuse(Some("max_output_tokens"), Some("integer_below_min_value"), message));
    }
    let tools = if body["tool_choice"] == "none" { Vec::new() } else { names(&body["tools"], "/name") };
    Ok(Prompt { texts: said, last, tools, most, stops: Vec::new() })
}

struct Answer {
    id: String,
    model: String,
    created: i64,
    spoken: Spoken,
    asked: Value,
}

impl Answer {
    fn message(&self) -> Value {
        let part = if self.spoken.end == End::Refused {
            json!({ "type": "refusal", "refusal": self.spoken.text() })
        } else {
            json!({ "type": "output_text", "text": self.spoken.text(), "annotations": [], "logprobs": [] })
        };
        let status = if self.spoken.end == End::Length { "incomplete" } else { "completed" };
        json!({ "type": "message", "id": format!("msg_{}", self.id), "role": "assistant", "status": status, "content": [part] })
    }

    fn call(&self, status: &str, arguments: &str) -> Option<Value> {
        let call = self.spoken.call()?;
        let (id, call_id) = (format!("fc_{}", self.id), format!("call_{}", self.id));
        Some(
            json!({ "type": "function_call", "id": id, "call_id": call_id, "name": call.name, "arguments": arguments, "status": status }),
        )
    }

    /// The items, of which a call without words has no message.
    fn output(&self) -> Vec<Value> {
        let call = self.spoken.call().and_then(|call| self.call("completed", &call.written()));
        let message = (call.is_none() || !self.spoken.tokens.is_empty()).then(|| self.message());
        message.into_iter().chain(call).collect()
    }

    fn response(&self, status: &str, output: &[Value], usage: &Value) -> Value {
        let asked = |name: &str, otherwise: Value| match &self.asked[name] {
            Value::Null => otherwise,
            value => value.clone(),
        };
        let reason = (status == "incomplete").then(|| json!({ "reason": "max_output_tokens" }));
        json!({
            "id": format!("resp_{}", self.id),
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": null,
            "incomplete_details": reason,
            "instructions": self.asked["instructions"],
            "max_output_tokens": self.asked["max_output_tokens"],
            "metadata": asked("metadata", json!({})),
            "model": self.model,
            "output": output,
            "parallel_tool_calls": asked("parallel_tool_calls", true.into()),
            "previous_response_id": self.asked["previous_response_id"],
            "store": asked("store", true.into()),
            "temperature": asked("temperature", 1.0.into()),
            "tool_choice": asked("tool_choice", "auto".into()),
            "tools": asked("tools", json!([])),
            "top_p": asked("top_p", 1.0.into()),
            "truncation": "disabled",
            "usage": usage,
        })
    }

    fn whole(&self) -> Value {
        let status = if self.spoken.end == End::Length { "incomplete" } else { "completed" };
        let usage = json!({
            "input_tokens": self.spoken.input,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": self.spoken.output,
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": self.spoken.total(),
        });
        self.response(status, &self.output(), &usage)
    }

    fn stream(&self) -> Events {
        let mut script = Script::default();
        let started = self.response("in_progress", &[], &Value::Null);
        script.say("response.created", json!({ "response": started }));
        script.say("response.in_progress", json!({ "response": started }));
        for (index, item) in self.output().iter().enumerate() {
            let mut begun = item.clone();
            begun["status"] = "in_progress".into();
            if item["type"] == "message" {
                begun["content"] = json!([]);
                script.say("response.output_item.added", json!({ "output_index": index, "item": begun }));
                self.speak(&mut script, index, item);
            } else {
                begun["arguments"] = "".into();
                script.say("response.output_item.added", json!({ "output_index": index, "item": begun }));
                let arguments = item["arguments"].as_str().unwrap_or_default();
                for token in tokens(arguments) {
                    let delta = json!({ "item_id": item["id"], "output_index": index, "delta": token });
                    script.say("response.function_call_arguments.delta", delta);
                }
                let done = json!({ "item_id": item["id"], "output_index": index, "name": item["name"], "arguments": arguments });
                script.say("response.function_call_arguments.done", done);
            }
            script.say("response.output_item.done", json!({ "output_index": index, "item": item }));
        }
        let whole = self.whole();
        let last = if whole["status"] == "incomplete" { "response.incomplete" } else { "response.completed" };
        script.say(last, json!({ "response": whole }));
        script.events
    }

    /// The one part of a message, token by token.
    fn speak(&self, script: &mut Script, index: usize, item: &Value) {
        let part = &item["content"][0];
        let (kind, text) =
            if part["type"] == "refusal" { ("refusal", "refusal") } else { ("output_text", "text") };
        let at = json!({ "item_id": item["id"], "output_index": index, "content_index": 0 });
        let with = |name: &str, value: Value| {
            let mut data = at.clone();
            data[name] = value;
            data
        };
        let mut empty = part.clone();
        empty[text] = "".into();
        script.say("response.content_part.added", with("part", empty));
        for token in &self.spoken.tokens {
            let mut delta = with("delta", token.as_str().into());
            if kind == "output_text" {
                delta["logprobs"] = json!([]);
            }
            script.say(&format!("response.{kind}.delta"), delta);
        }
        let mut done = with(text, part[text].clone());
        if kind == "output_text" {
            done["logprobs"] = json!([]);
        }
        script.say(&format!("response.{kind}.done"), done);
        script.say("response.content_part.done", with("part", part.clone()));
    }
}

/// Events with their numbers.
#[derive(Default)]
struct Script {
    events: Events,
    number: u64,
}

impl Script {
    fn say(&mut self, name: &str, mut data: Value) {
        data["type"] = name.into();
        data["sequence_number"] = self.number.into();
        self.number += 1;
        self.events.named(name, &data);
    }
}
