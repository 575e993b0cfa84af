//! What ElevenLabs' SDKs do not show.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, Client, field};
use crate::model::ids::ProviderId;

const SARAH: &str = "/v1/text-to-speech/EXAVITQu4vr4xnSDxMaL";

async fn read(client: &Client, key: &str, path: &str) -> Answer {
    let key = field(&ProviderId::ELEVENLABS, key, "api_key");
    let request = axum::http::Request::get(format!("/elevenlabs{path}")).header("xi-api-key", key);
    client.send(request.body(axum::body::Body::empty()).unwrap()).await
}

async fn speak(client: &Client, key: &str, path: &str, text: &str) -> Answer {
    client.ask(&ProviderId::ELEVENLABS, key, path, json!({ "text": text })).await
}

async fn used(client: &Client, key: &str) -> Value {
    read(client, key, "/v1/user/subscription").await.json["character_count"].clone()
}

/// A form with a name and one file.
async fn clone_voice(client: &Client, key: &str, name: &str, content: &[u8]) -> Answer {
    let mut form =
        format!("--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n").into_bytes();
    form.extend(b"--x\r\ncontent-disposition: form-data; name=\"files\"; filename=\"my voice.ogg\"\r\n\r\n");
    form.extend(content);
    form.extend(b"\r\n--x--\r\n");
    let key = field(&ProviderId::ELEVENLABS, key, "api_key");
    let headers = [("xi-api-key", key.as_str()), ("content-type", "multipart/form-data; boundary=x")];
    client.post("/elevenlabs/v1/voices/add", &headers, form).await
}

#[tokio::test]
async fn only_speech_that_is_made_costs_characters() {
    let client = Client::new();
    for (path, text) in [
        ("/v1/text-to-speech/nobody", "hello"),
        (&format!("{SARAH}?output_format=mp3_1_1"), "hello"),
        (&format!("{SARAH}?output_format=pcm_48000"), "hello"),
        (SARAH, ""),
    ] {
        assert!(speak(&client, "plenty", path, text).await.status.is_client_error(), "{path}");
    }
    assert_eq!(used(&client, "plenty").await, 17_231);
    let spoken = speak(&client, "plenty", SARAH, "hello").await;
    assert_eq!(
        (&spoken.headers["character-cost"], &spoken.headers["content-type"]),
        (&"5".parse().unwrap(), &"audio/mpeg".parse().unwrap())
    );
    assert_eq!(used(&client, "plenty").await, 17_236);
    assert_eq!(used(&client, "overage").await, 100_412);
    speak(&client, "overage", SARAH, "hello").await;
    assert_eq!(used(&client, "overage").await, 100_417);
    client.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(used(&client, "plenty").await, 17_231);
}

#[tokio::test]
async fn half_a_credit_counts_as_a_whole_one() {
    let client = Client::new();
    let body = json!({ "text": "hello", "model_id": "eleven_flash_v2_5" });
    let spoken = client.ask(&ProviderId::ELEVENLABS, "plenty", SARAH, body).await;
    assert_eq!(spoken.headers["character-cost"], "3");
}

#[tokio::test]
async fn a_mistake_in_the_form_has_its_place() {
    let client = Client::new();
    let key = field(&ProviderId::ELEVENLABS, "plenty", "api_key");
    let headers = [("xi-api-key", key.as_str()), ("content-type", "multipart/form-data; boundary=x")];
    let form = "--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nA\r\n--x\r\ncontent-disposition: form-data; name=\"files\"\r\n\r\nnot a file\r\n--x--\r\n";
    let text = client.post("/elevenlabs/v1/voices/add", &headers, form).await;
    assert_eq!((text.status.as_u16(), &text.json["detail"][0]["loc"]), (422, &json!(["body", "files"])));
    let none = client.post("/elevenlabs/v1/voices/add", &headers, "").await;
    assert_eq!((none.status.as_u16(), &none.json["detail"][0]["loc"]), (422, &json!(["body", "name"])));
    let missing = client.ask(&ProviderId::ELEVENLABS, "plenty", SARAH, json!({})).await;
    assert_eq!((missing.status.as_u16(), &missing.json["detail"][0]["loc"]), (422, &json!(["body", "text"])));
}

#[tokio::test]
async fn a_voice_belongs_to_the_key_that_made_it() {
    let client = Client::new();
    let made = clone_voice(&client, "plenty", "Reception", b"OggS and more").await;
    let id = made.json["voice_id"].as_str().unwrap().to_owned();
    assert_eq!(read(&client, "plenty", &format!("/v1/voices/{id}")).await.json["name"], "Reception");
    for key in ["overage", "free_plan"] {
        assert_eq!(read(&client, key, &format!("/v1/voices/{id}")).await.status, 404);
        assert_eq!(speak(&client, key, &format!("/v1/text-to-speech/{id}"), "hello").await.status, 404);
    }
    // Its preview is heard by whoever knows the address.
    let preview = client.get(&format!("/elevenlabs/previews/{id}.mp3")).await;
    assert!(preview.status == 200 && preview.text.len() > 1_000);
    client.control(Method::POST, "/reset", Value::Null).await;
    assert_eq!(read(&client, "plenty", &format!("/v1/voices/{id}")).await.status, 404);
    let journal = client.control(Method::GET, "/journal", Value::Null).await.to_string();
    assert!(!journal.contains("Reception") && !journal.contains("my voice"));
}

#[tokio::test]
async fn a_voice_that_everybody_has_is_nobodys_to_delete() {
    let client = Client::new();
    let key = field(&ProviderId::ELEVENLABS, "plenty", "api_key");
    let request =
        axum::http::Request::delete("/elevenlabs/v1/voices/EXAVITQu4vr4xnSDxMaL").header("xi-api-key", key);
    assert_eq!(client.send(request.body(axum::body::Body::empty()).unwrap()).await.status, 404);
}

#[tokio::test]
async fn a_page_token_of_nowhere_is_refused() {
    let client = Client::new();
    let refused = read(&client, "plenty", "/v2/voices?next_page_token=bm8").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json["detail"]["status"]),
        (400, &json!("invalid_page_token"))
    );
    let page = read(&client, "plenty", "/v2/voices?page_size=3&include_total_count=false").await;
    assert_eq!((&page.json["total_count"], &page.json["has_more"]), (&json!(0), &json!(true)));
}
