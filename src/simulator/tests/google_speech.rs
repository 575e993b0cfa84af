//! What Google's clients do not show.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Answer, Client};
use crate::model::ids::ProviderId;

async fn synthesize(client: &Client, input: Value, encoding: &str) -> Answer {
    let body = json!({ "input": input, "voice": { "languageCode": "en-US" }, "audioConfig": { "audioEncoding": encoding } });
    client.ask(&ProviderId::GOOGLE_SPEECH, "plenty", "/v1/text:synthesize", body).await
}

#[tokio::test]
async fn marks_are_not_read_aloud() {
    let client = Client::new();
    let sound = async |input: Value| synthesize(&client, input, "PCM").await.json["audioContent"].clone();
    let marked =
        sound(json!({ "ssml": "<speak>two <emphasis level='strong'>words</emphasis></speak>" })).await;
    assert_eq!(marked, sound(json!({ "text": "two words" })).await);
}

#[tokio::test]
async fn what_cannot_be_spoken_or_heard_is_refused() {
    let client = Client::new();
    for (input, encoding) in
        [(json!({}), "PCM"), (json!({ "text": "a", "ssml": "a" }), "PCM"), (json!({ "text": "a" }), "SPEEX")]
    {
        assert_eq!(synthesize(&client, input, encoding).await.json["error"]["status"], "INVALID_ARGUMENT");
    }
    let listen = async |config: Value, content: &str| {
        let body = json!({ "config": config, "audio": { "content": content } });
        client.ask(&ProviderId::GOOGLE_SPEECH, "plenty", "/v1/speech:recognize", body).await
    };
    let raw = STANDARD.encode([0xff; 4_000]);
    let mulaw = json!({ "encoding": "MULAW", "sampleRateHertz": 8_000, "languageCode": "en-US" });
    assert_eq!(listen(mulaw.clone(), &raw).await.json["results"][0]["resultEndTime"], "0.500s");
    assert_eq!(listen(mulaw.clone(), "").await.json["results"], Value::Null);
    assert_eq!(listen(mulaw.clone(), "?").await.status, 400);
    for member in ["encoding", "sampleRateHertz", "languageCode"] {
        let mut config = mulaw.clone();
        config.as_object_mut().unwrap().remove(member);
        assert_eq!(listen(config, &raw).await.status, 400, "{member}");
    }
}

#[tokio::test]
async fn a_key_of_one_google_service_opens_no_other() {
    let client = Client::new();
    let key = super::field(&ProviderId::GOOGLE_AI, "plenty", "api_key");
    let refused = client.get(&format!("/google_speech/v1/voices?key={key}")).await;
    assert_eq!(refused.json["error"]["details"][0]["metadata"]["service"], "texttospeech.googleapis.com");
}
