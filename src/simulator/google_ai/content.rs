//! `POST /models/{model}:generateContent`, `:streamGenerateContent` and `:countTokens`.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Shared},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{admit, admit_generation, find, not_found, refuse};
use crate::simulator::{
    Simulator, audio,
    credential::Params,
    events::Events,
    keys::Provider,
    language::{End, Last, Prompt, Spoken, count, names, speak, texts},
};

/// Does what follows the model's name.
pub async fn call(
    Shared(simulator): Shared<Simulator>,
    Path(call): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let events = Params::of(&uri).get("alt") == Some("sse");
    let (id, method) = call.split_once(':').unwrap_or((&call, ""));
    let answer = match method {
        "countTokens" => count_tokens(&simulator, id, &headers, &uri, &body).await,
        "generateContent" | "streamGenerateContent" => generate(&simulator, id, &headers, &uri, &body).await,
        _ => Err(not_found("Not found.")),
    };
    match (answer, method) {
        (Ok(Content::Count(answer)), _) => Json(answer).into_response(),
        (Ok(Content::Answer(answer)), "generateContent") => Json(answer.whole()).into_response(),
        (Ok(Content::Answer(answer)), _) if events => answer.stream().into_response(),
        (Ok(Content::Answer(answer)), _) => answer.list(),
        (Err(refusal), "streamGenerateContent") if !events => in_a_list(refusal),
        (Err(refusal), _) => refusal,
    }
}

enum Content {
    Count(Value),
    Answer(Answer),
}

async fn count_tokens(
    simulator: &Simulator,
    id: &str,
    headers: &HeaderMap,
    uri: &Uri,
    body: &[u8],
) -> Result<Content, Response> {
    admit(simulator, headers, uri).await?;
    supported(id, "countTokens")?;
    let body = parse(body)?;
    let asked =
        if body["generateContentRequest"].is_object() { &body["generateContentRequest"] } else { &body };
    let tokens = prompt(asked)?.tokens();
    let details = json!([{ "modality": "TEXT", "tokenCount": tokens }]);
    Ok(Content::Count(json!({ "totalTokens": tokens, "promptTokensDetails": details })))
}

async fn generate(
    simulator: &Simulator,
    id: &str,
    headers: &HeaderMap,
    uri: &Uri,
    body: &[u8],
) -> Result<Content, Response> {
    let place = admit_generation(simulator, headers, uri).await?;
    supported(id, "generateContent")?;
    let prompt = prompt(&parse(body)?)?;
    let spoken = speak(simulator, Provider::GoogleAi, place, &prompt);
    Ok(Content::Answer(Answer { id: simulator.lock().fresh(), model: id.to_owned(), spoken }))
}

fn supported(id: &str, method: &str) -> Result<(), Response> {
    match find(id) {
        Some(model) if model.methods.contains(&method) => Ok(()),
        _ => Err(not_found(&format!(
            "models/{id} is not found for API version v1beta, or is not supported for {method}. Call ListModels to see the list of available models and their supported methods."
        ))),
    }
}

fn parse(body: &[u8]) -> Result<Value, Response> {
    match serde_json::from_slice(body) {
        Ok(body @ Value::Object(_)) => Ok(body),
        _ => Err(refuse("Invalid JSON payload received. Unexpected token.")),
    }
}

fn prompt(body: &Value) -> Result<Prompt, Response> {
    let contents = body["contents"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(last) = contents.last() else {
        return Err(refuse("* GenerateContentRequest.contents: contents is not specified\n"));
    };
    if contents.iter().any(|content| !matches!(content["role"].as_str(), None | Some("user" | "model"))) {
        return Err(refuse("Please use a valid role: user, model."));
    }
    let said = |content: &Value| texts(&content["parts"]).join(" ");
    let answered =
        last["parts"].as_array().into_iter().flatten().rfind(|part| part["functionResponse"].is_object());
    let last = match answered {
        Some(part) => Last::Tool(part["functionResponse"]["response"].to_string()),
        None => Last::User(
            contents.iter().rev().find(|content| content["role"] != "model").map(said).unwrap_or_default(),
        ),
    };
    let mut said: Vec<String> = contents.iter().flat_map(|content| texts(&content["parts"])).collect();
    said.extend(texts(&body["systemInstruction"]["parts"]));
    let config = &body["generationConfig"];
    let tools = body["tools"].as_array().into_iter().flatten();
    let offered = body["toolConfig"]["functionCallingConfig"]["mode"] != "NONE";
    Ok(Prompt {
        texts: said,
        last,
        tools: tools
            .filter(|_| offered)
            .flat_map(|tool| names(&tool["functionDeclarations"], "/name"))
            .collect(),
        most: count(&config["maxOutputTokens"]),
        stops: names(&config["stopSequences"], ""),
    })
}

/// The form of errors where the answer would have been a list.
fn in_a_list(refusal: Response) -> Response {
    let (mut parts, body) = refusal.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let list = async move {
        let error = axum::body::to_bytes(body, 1 << 16).await.unwrap_or_default();
        Ok::<_, std::convert::Infallible>([&b"["[..], &error, b"]\n"].concat())
    };
    Response::from_parts(parts, axum::body::Body::from_stream(futures::stream::once(list)))
}

struct Answer {
    id: String,
    model: String,
    spoken: Spoken,
}

impl Answer {
    fn usage(&self, output: u64) -> Value {
        json!({
            "promptTokenCount": self.spoken.input,
            "candidatesTokenCount": output,
            "totalTokenCount": self.spoken.input + output,
            "thoughtsTokenCount": 0,
            "cachedContentTokenCount": 0,
        })
    }

    /// One piece of the answer, or all of it.
    fn piece(&self, parts: &[Value], reason: Option<&str>, output: u64) -> Value {
        let mut candidate = json!({ "content": { "role": "model" }, "index": 0 });
        if !parts.is_empty() {
            candidate["content"]["parts"] = parts.into();
        }
        if let Some(reason) = reason {
            candidate["finishReason"] = reason.into();
        }
        self.around(json!({ "candidates": [candidate], "usageMetadata": self.usage(output) }))
    }

    /// A prompt that is not answered.
    fn blocked(&self) -> Value {
        self.around(json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" }, "usageMetadata": self.usage(0) }))
    }

    fn around(&self, mut answer: Value) -> Value {
        answer["modelVersion"] = self.model.clone().into();
        answer["responseId"] = self.id.clone().into();
        answer
    }

    fn reason(&self) -> &'static str {
        if self.spoken.end == End::Length { "MAX_TOKENS" } else { "STOP" }
    }

    fn call(&self) -> Option<Value> {
        let call = self.spoken.call()?;
        Some(json!({ "functionCall": { "name": call.name, "args": call.arguments } }))
    }

    fn whole(&self) -> Value {
        if self.spoken.end == End::Refused {
            return self.blocked();
        }
        let text = Some(self.spoken.text()).filter(|text| !text.is_empty());
        let parts: Vec<Value> =
            text.map(|text| json!({ "text": text })).into_iter().chain(self.call()).collect();
        self.piece(&parts, Some(self.reason()), self.spoken.output)
    }

    /// The answer piece by piece. The last one has the reason and what all of it counts for.
    fn pieces(&self) -> Vec<Value> {
        if self.spoken.end == End::Refused {
            return vec![self.blocked()];
        }
        let text = |token: &String| json!({ "text": token });
        let parts: Vec<Value> = self.spoken.tokens.iter().map(text).chain(self.call()).collect();
        let Some((last, first)) = parts.split_last() else {
            return vec![self.piece(&[], Some(self.reason()), 0)];
        };
        let piece = |(output, part): (u64, &Value)| self.piece(std::slice::from_ref(part), None, output);
        let mut pieces: Vec<Value> = (1..).zip(first).map(piece).collect();
        pieces.push(self.piece(std::slice::from_ref(last), Some(self.reason()), self.spoken.output));
        pieces
    }

    fn stream(&self) -> Events {
        let mut events = Events::default();
        for piece in self.pieces() {
            events.data(&piece);
        }
        events
    }

    /// One list whose members come one by one.
    fn list(&self) -> Response {
        let opened = |place: usize| if place == 0 { "[" } else { ",\r\n" };
        let mut texts: Vec<String> = self
            .pieces()
            .iter()
            .enumerate()
            .map(|(place, piece)| format!("{}{piece}", opened(place)))
            .collect();
        texts.push("\n]".to_owned());
        let headers = [(header::CONTENT_TYPE, "application/json; charset=UTF-8")];
        (headers, audio::body(texts.into_iter().map(Into::into))).into_response()
    }
}
