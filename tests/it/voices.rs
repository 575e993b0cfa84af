//! Voice Cloning through the real router, with the simulator as ElevenLabs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, App, Client, both};

const VOICES: &str = "/api/services/voice-cloning/voices";
const STUDIO: &str = "/api/services/voice-cloning/studio";
const CLONES: &str = "/api/services/voice-cloning/clones";
/// A voice that every account has.
const SARAH: &str = "EXAVITQu4vr4xnSDxMaL";

async fn with_key(app: &App, name: &str, key: &str) -> Client {
    let mut client = app.user(name).await;
    let body = json!({"provider": "elevenlabs", "credentials": App::test_key("elevenlabs", key)});
    client.post("/api/user-api-keys/store", &body).await.expect(201);
    client
}

/// A tenth of a second of WAV; another `seed` sounds different.
pub fn sound(seed: u8) -> Vec<u8> {
    let samples = 1_600_u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + samples).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(8_000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(samples.to_le_bytes());
    bytes.extend((0..samples).map(|n| (n as u8).wrapping_mul(seed)));
    bytes
}

fn form(name: &str, consent: bool, files: &[&[u8]]) -> Vec<u8> {
    let mut body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n--x\r\ncontent-disposition: form-data; name=\"consent\"\r\n\r\n{consent}\r\n"
    )
    .into_bytes();
    for file in files {
        body.extend(b"--x\r\ncontent-disposition: form-data; name=\"files\"; filename=\"private name.wav\"\r\ncontent-type: audio/wav\r\n\r\n");
        body.extend_from_slice(file);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    body
}

/// Sends samples for a voice.
pub async fn clone_voice(
    client: &mut Client,
    path: &str,
    name: &str,
    consent: bool,
    files: &[&[u8]],
) -> Answer {
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    client.send("POST", path, &headers, form(name, consent, files)).await
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|voice| voice["name"].as_str().unwrap()).collect()
}

/// Fails unless so many calls are in the ledger, with so many units. What becomes of a stream is written down when it
/// has ended, which may be after the answer.
async fn expect_in_ledger(app: &App, operation: &str, outcome: &str, calls: i64, units: i64) {
    let of = format!(
        "FROM usage_events WHERE service = 'voice-cloning' AND operation = '{operation}' AND outcome = '{outcome}'"
    );
    let count = format!("SELECT COUNT(*) {of}");
    for _ in 0..500 {
        if app.sql.number(&count).await >= calls {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(app.sql.number(&count).await, calls);
    let sum = app.sql.number(&format!("SELECT CAST(COALESCE(SUM(units), 0) AS BIGINT) {of}")).await;
    assert_eq!(sum, units);
}

both! {
    async fn voices_are_listed_searched_renamed_and_deleted(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let all = client.get(VOICES).await.expect(200).json();
        assert_eq!(names(&all), ["Support", "Narrator", "Front desk", "Sarah", "Charlie", "George", "Matilda"]);
        assert_eq!((&all["next"], &all["items"][0]["category"], &all["items"][0]["own"]), (&Value::Null, &json!("cloned"), &json!(true)));
        let own = client.get(&format!("{VOICES}?kind=own&search=narr")).await.expect(200).json();
        assert_eq!(names(&own), ["Narrator"]);
        let ready = client.get(&format!("{VOICES}?kind=ready_made&search=british")).await.expect(200).json();
        assert_eq!(names(&ready), ["George"]);
        client.get(&format!("{VOICES}?kind=none")).await.problem(422, "invalid-input");
        client.get(&format!("{VOICES}?cursor=bm8")).await.problem(422, "provider-refused");

        let narrator = format!("{VOICES}/{}", own["items"][0]["id"].as_str().unwrap());
        client.put(&narrator, &json!({"name": " "})).await.problem(422, "invalid-input");
        client.put(&narrator, &json!({"name": "Storyteller", "description": "Slow."})).await.expect(204);
        let found = client.get(&format!("{VOICES}?search=storyteller")).await.expect(200).json();
        assert_eq!((names(&found), &found["items"][0]["description"]), (vec!["Storyteller"], &json!("Slow.")));
        client.delete(&narrator).await.expect(204);
        client.delete(&narrator).await.problem(404, "not-found");
        client.delete(&format!("{VOICES}/{SARAH}")).await.problem(404, "not-found");
        client.delete(&format!("{VOICES}/..%2Fx")).await.problem(404, "not-found");
        assert_eq!(client.get(&format!("{VOICES}?kind=own")).await.json()["items"].as_array().unwrap().len(), 2);
    }

    async fn speech_is_handed_on_and_its_cost_is_told(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let studio = client.get(STUDIO).await.expect(200).json();
        assert_eq!((&studio["plan"]["used"], &studio["plan"]["voices"]), (&json!(17_231), &json!(3)));
        assert_eq!(studio["models"][0]["per_thousand"], 500);
        let speech = format!("{VOICES}/{SARAH}/speech");
        let body = json!({"text": "Good morning", "model": "eleven_flash_v2_5", "stability": 40, "speed": 110});
        let spoken = client.post(&speech, &body).await.expect(200);
        assert_eq!((&spoken.headers["character-cost"], &spoken.headers["content-type"]), (&"6".parse().unwrap(), &"audio/mpeg".parse().unwrap()));
        assert_eq!(spoken.headers["content-disposition"], "inline; filename=\"speech.mp3\"");
        assert!(spoken.text.len() > 1_000 && spoken.headers["cache-control"] == "no-store");
        let raw = client.post(&speech, &json!({"text": "Hi", "format": "ulaw_8000"})).await.expect(200);
        assert_eq!(raw.headers["content-type"], "audio/basic");
        expect_in_ledger(&app, "speak", "done", 2, 8).await;
        assert_eq!(client.get(STUDIO).await.json()["plan"]["used"], 17_239);

        let preview = client.get(&format!("{VOICES}/{SARAH}/preview")).await.expect(200);
        assert!(preview.headers["content-type"] == "audio/mpeg" && preview.text.len() > 1_000);
        // Opened by its own address, as without JavaScript, it may be played and no more.
        let policy = "default-src 'none'; media-src 'self'; frame-ancestors 'none'";
        assert_eq!(preview.headers["content-security-policy"], policy);
        // The voice, and what lies at its address.
        expect_in_ledger(&app, "preview", "done", 2, 0).await;

        for (body, field) in [(json!({"text": " "}), "text"), (json!({"text": "a", "speed": 50}), "speed"), (json!({"text": "a".repeat(10_001)}), "text")] {
            assert!(client.post(&speech, &body).await.problem(422, "invalid-input")["errors"].get(field).is_some());
        }
        client.post(&format!("{VOICES}/nobody/speech"), &json!({"text": "a"})).await.problem(404, "not-found");
        let unknown = client.post(&speech, &json!({"text": "a", "model": "eleven_none"})).await;
        assert_eq!(unknown.problem(422, "provider-refused")["reason"], "content_refused");
    }

    async fn what_a_key_cannot_do_is_said(app: App) {
        let speech = format!("{VOICES}/{SARAH}/speech");
        let mut restricted = with_key(&app, "ana", "restricted").await;
        let studio = restricted.get(STUDIO).await.expect(200).json();
        assert!(studio["plan"].is_null() && studio["models"].is_array());
        let mut blind = with_key(&app, "bea", "nothing_readable").await;
        assert_eq!(blind.get(VOICES).await.problem(422, "provider-refused")["reason"], "missing_permissions");
        assert!(blind.get(STUDIO).await.expect(200).json()["models"].is_null());

        let mut used_up = with_key(&app, "cleo", "exhausted").await;
        let refused = used_up.post(&speech, &json!({"text": "hello"})).await.problem(422, "provider-refused");
        assert_eq!((&refused["reason"], &refused["key_status"]), (&json!("quota_used_up"), &json!("exhausted")));
        expect_in_ledger(&app, "speak", "exhausted", 1, 0).await;

        let mut plenty = with_key(&app, "dora", "plenty").await;
        let pro = plenty.post(&speech, &json!({"text": "hello", "format": "mp3_44100_192"})).await;
        assert_eq!(pro.status, 200);
        app.control("PUT", "/keys/elevenlabs/plenty", Some(json!({"situation": "throttled"}))).await;
        plenty.get(VOICES).await.problem(429, "rate-limited");
        app.control("PUT", "/keys/elevenlabs/plenty", Some(json!({"situation": "down"}))).await;
        plenty.get(VOICES).await.problem(503, "provider-unreachable");
        let unsure = plenty.post(&speech, &json!({"text": "hello"})).await.problem(422, "provider-refused");
        assert_eq!(unsure["reason"], "provider_fault");

        let mut free = with_key(&app, "eva", "free_plan").await;
        free.get(VOICES).await.problem(403, "missing-api-keys");
    }

    async fn a_voice_is_cloned_with_consent_and_the_consent_outlives_the_key(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let (one, two) = (sound(1), sound(3));
        let no_consent = clone_voice(&mut client, VOICES, "Ana", false, &[&one]).await.problem(422, "invalid-input");
        assert!(no_consent["errors"].get("consent").is_some());
        let no_sound = clone_voice(&mut client, VOICES, "Ana", true, &[b"%PDF-1.7 and so on"]).await;
        assert!(no_sound.problem(422, "invalid-input")["errors"].get("files").is_some());
        let large = [&one[..], &vec![0; 10 << 20]].concat();
        let too_large = clone_voice(&mut client, VOICES, "Ana", true, &[&large]).await;
        assert_eq!(too_large.problem(422, "invalid-input")["errors"]["files"]["code"], "too_long");
        let most = [&one[..], &vec![0; (10 << 20) - one.len()]].concat();
        let all = [&most[..], &most, &most];
        clone_voice(&mut client, VOICES, "Ana", true, &all).await.problem(413, "too-large");
        assert_eq!(client.get(CLONES).await.expect(200).json()["items"], json!([]));

        let made = clone_voice(&mut client, VOICES, "Ana", true, &[&one, &two]).await.expect(201).json();
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!(names(&client.get(&format!("{VOICES}?search=ana&kind=own")).await.json()), ["Ana"]);
        client.post(&format!("{VOICES}/{id}/speech"), &json!({"text": "It is me"})).await.expect(200);
        // ElevenLabs wants no file twice.
        let twice = clone_voice(&mut client, VOICES, "Again", true, &[&one, &one]).await.problem(422, "invalid-input");
        assert!(twice["errors"].get("files").is_some());
        expect_in_ledger(&app, "clone", "done", 1, 0).await;

        client.delete("/api/user-api-keys/elevenlabs").await.expect(204);
        client.get(VOICES).await.problem(403, "missing-api-keys");
        let clones = client.get(CLONES).await.expect(200).json();
        let (again, first) = (&clones["items"][0], &clones["items"][1]);
        assert_eq!((&again["state"], &again["voice"]), (&json!("refused"), &Value::Null));
        assert_eq!((&first["state"], &first["voice"], &first["files"], &first["source"]), (&json!("made"), &json!(id), &json!(2), &json!("files")));
        assert!(first["statement"].as_str().unwrap().contains("express consent"));
        let page = client.get("/services/voice-cloning").await.expect(200).text;
        assert!(page.contains("Voice Cloning needs ElevenLabs") && page.contains("express consent"), "{page}");

        let mut stranger = app.user("bo").await;
        assert_eq!(stranger.get(CLONES).await.expect(200).json()["items"], json!([]));
    }

    async fn whoever_leaves_during_a_clone_finds_its_end_in_the_history(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        let slow = json!({"provider": "elevenlabs", "path": "/voices/add", "fault": {"kind": "slow", "milliseconds": 1_500}});
        app.control("POST", "/faults", Some(slow)).await;
        let mut leaving = client.clone();
        let sent = tokio::spawn(async move { clone_voice(&mut leaving, VOICES, "Ana", true, &[&sound(1)]).await });
        while app.sql.number("SELECT COUNT(*) FROM voice_clones").await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sent.abort();
        assert!(sent.await.is_err_and(|error| error.is_cancelled()));
        // The samples are still on their way, so another voice has to wait.
        clone_voice(&mut client, VOICES, "Bea", true, &[&sound(2)]).await.problem(503, "busy");
        expect_in_ledger(&app, "clone", "done", 1, 0).await;
        let mut clones = Value::Null;
        for _ in 0..500 {
            clones = client.get(CLONES).await.expect(200).json();
            if clones["items"][0]["state"] == "made" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((&clones["items"][0]["state"], clones["items"][0]["voice"].is_null()), (&json!("made"), false));
        assert_eq!(names(&client.get(&format!("{VOICES}?search=ana&kind=own")).await.json()), ["Ana"]);
    }

    async fn a_full_account_is_told_so(app: App) {
        let mut client = with_key(&app, "ana", "plenty").await;
        for number in 0..27_u8 {
            let made = clone_voice(&mut client, VOICES, &format!("Voice {number}"), true, &[&sound(number)]).await;
            made.expect(201);
        }
        let full = clone_voice(&mut client, VOICES, "One more", true, &[&sound(99)]).await.problem(422, "provider-refused");
        assert_eq!(full["reason"], "no_room");
        let first = client.get(&format!("{VOICES}?kind=own")).await.expect(200).json();
        assert_eq!(names(&first).len(), 20);
        let next = first["next"].as_str().unwrap();
        let second = client.get(&format!("{VOICES}?kind=own&cursor={next}")).await.expect(200).json();
        assert_eq!((names(&second).len(), &second["next"]), (10, &Value::Null));
        let clones = client.get(CLONES).await.expect(200).json();
        let next = clones["next"].as_str().unwrap();
        let rest = client.get(&format!("{CLONES}?cursor={next}")).await.expect(200).json();
        assert_eq!((clones["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()), (20, 8));
    }
}
