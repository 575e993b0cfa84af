use super::*;

#[tokio::test]
async fn a_call_is_dialled_answered_ended_and_priced() {
    let (client, server) =
        (quick().await, Server::new(&[("/twiml", Reply::twiml("<Say>Hello there</Say>"))]).await);
    let (twiml, status) = (server.url("/twiml?id=1"), server.url("/status"));
    let sid = client
        .call(&[
            ("Url", &twiml),
            ("StatusCallback", &status),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
        ])
        .await;

    let told = server.heard("/status", 4).await;
    let said = |name: &str| told.iter().map(|heard| heard.get(name).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(said("CallStatus"), ["initiated", "ringing", "in-progress", "completed"]);
    assert_eq!(said("SequenceNumber"), ["0", "1", "2", "3"]);
    for heard in &told {
        assert!(heard.is_signed_by("full"), "{heard:?}");
        assert!(!heard.is_signed_by("trial"));
        assert_eq!(heard.method, Method::POST);
        for (name, value) in [
            ("CallSid", sid.as_str()),
            ("To", TO),
            ("Called", TO),
            ("From", FROM),
            ("Caller", FROM),
            ("Direction", "outbound-api"),
            ("ApiVersion", "2010-04-01"),
            ("CallbackSource", "call-progress-events"),
            ("ToCity", ""),
        ] {
            assert_eq!(heard.get(name), Some(value), "{name}");
        }
        let at = heard.get("Timestamp").unwrap();
        assert!(at.ends_with(" +0000"), "{at}");
    }
    assert_eq!(told[3].get("SipResponseCode"), Some("200"));
    assert_eq!(told[3].get("Duration"), Some("1"));

    let fetched = &server.at("/twiml")[0];
    assert!(fetched.is_signed_by("full"));
    assert_eq!((fetched.get("id"), fetched.get("CallStatus")), (Some("1"), Some("in-progress")));

    let call = client.ended(&sid).await;
    assert_eq!((&call["status"], &call["direction"]), (&json!("completed"), &json!("outbound-api")));
    assert_eq!(call["duration"].as_str(), told[3].get("CallDuration"));
    assert_eq!(call["to_formatted"], "(415) 555-0123");
    let priced = client.call_when(&sid, |call| !call["price"].is_null()).await;
    assert_eq!((&priced["price"], &priced["price_unit"]), (&json!("-0.01400"), &json!("USD")));
    assert_eq!(client.codes(&sid).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_events_only_the_end_is_told_and_a_get_has_its_parameters_in_the_address() {
    let (client, server) = (quick().await, Server::new(&[]).await);
    let status = server.url("/status?a=b");
    let sid = client
        .call(&[("Twiml", "<Response/>"), ("StatusCallback", &status), ("StatusCallbackMethod", "GET")])
        .await;
    let told = server.heard("/status", 1).await;
    client.ended(&sid).await;
    assert_eq!((told.len(), &told[0].method, told[0].body.len()), (1, &Method::GET, 0));
    assert_eq!((told[0].get("CallStatus"), told[0].get("SequenceNumber")), (Some("completed"), Some("0")));
    assert!(told[0].is_signed_by("full"));
}

#[tokio::test]
async fn the_number_decides_who_answers() {
    let (client, server) = (quick().await, Server::new(&[]).await);
    for (to, status, sip) in [
        ("+15005550010", "busy", "486"),
        ("+15005550011", "no-answer", "487"),
        ("+15005550012", "failed", "404"),
        ("+15005550013", "completed", "200"),
        (TO, "completed", "200"),
    ] {
        let path = format!("/{}", &to[1..]);
        let callback = server.url(&path);
        let form =
            [("To", to), ("Twiml", "<Response><Say>Hi</Say></Response>"), ("StatusCallback", &callback)];
        let sid = client.call(&form).await;
        let call = client.ended(&sid).await;
        assert_eq!(call["status"], status, "{to}");
        assert_eq!(call["start_time"].is_null(), status != "completed", "{to}");
        let told = server.heard(&path, 1).await;
        assert_eq!(
            (told[0].get("CallStatus"), told[0].get("SipResponseCode")),
            (Some(status), Some(sip)),
            "{to}"
        );
        assert_eq!(told[0].get("CallDuration").is_some(), status == "completed", "{to}");
    }
}

#[tokio::test]
async fn nobody_answers_within_the_timeout() {
    let client = quick().await;
    script(&client, TO, json!({ "rings": 20.0 })).await;
    let call = async |timeout: &str| {
        let sid = client.call(&[("Twiml", "<Response/>"), ("Timeout", timeout)]).await;
        client.ended(&sid).await["status"].clone()
    };
    assert_eq!(call("10").await, "no-answer");
    assert_eq!(call("30").await, "completed");
}

#[tokio::test]
async fn who_answered_is_found_out() {
    let (client, server) = (quick().await, Server::new(&[("/twiml", Reply::twiml("<Hangup/>"))]).await);
    let twiml = server.url("/twiml");
    for (to, detection, who) in [
        (TO, "Enable", "human"),
        ("+15005550013", "Enable", "machine_start"),
        ("+15005550013", "DetectMessageEnd", "machine_end_beep"),
        ("+15005550014", "Enable", "fax"),
    ] {
        let sid = client.call(&[("To", to), ("Url", &twiml), ("MachineDetection", detection)]).await;
        assert_eq!(client.ended(&sid).await["answered_by"], who);
        let fetched = server.at("/twiml").pop().unwrap();
        assert_eq!(fetched.get("AnsweredBy"), Some(who), "{to} {detection}");
    }
    let callback = server.url("/amd");
    let form = [
        ("To", "+15005550013"),
        ("Twiml", "<Response><Pause length=\"20\"/></Response>"),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", &callback),
    ];
    let sid = client.call(&form).await;
    let told = server.heard("/amd", 1).await;
    assert_eq!(
        (told[0].get("AnsweredBy"), told[0].get("CallSid")),
        (Some("machine_start"), Some(sid.as_str()))
    );
    assert!(told[0].is_signed_by("full"));
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_with_its_code() {
    let client = quick().await;
    let twiml = ("Twiml", "<Response/>");
    let (to, from) = (("To", TO), ("From", FROM));
    let long = "x".repeat(4_001);
    for (form, code) in [
        (vec![from, twiml], 21_201),
        (vec![("To", "+1415555"), from, twiml], 21_211),
        (vec![("To", "+15005550001"), from, twiml], 21_217),
        (vec![("To", "+15005550002"), from, twiml], 21_214),
        (vec![("To", "+15005550003"), from, twiml], 21_215),
        (vec![("To", "+15005550004"), from, twiml], 21_216),
        (vec![to, twiml], 21_213),
        (vec![to, ("From", "me"), twiml], 21_212),
        (vec![to, ("From", "+14155550199"), twiml], 21_210),
        (vec![to, from], 21_205),
        (vec![to, from, ("Url", "https://example.org/twiml")], 21_205),
        (vec![to, from, ("Url", "http://192.168.0.1/twiml")], 21_205),
        (vec![to, from, ("Url", "not an address")], 21_205),
        (vec![to, from, twiml, ("StatusCallback", "http://example.org/")], 21_609),
        (vec![to, from, twiml, ("FallbackUrl", "http://example.org/")], 20_001),
        (vec![to, from, twiml, ("Timeout", "0")], 21_208),
        (vec![to, from, twiml, ("Timeout", "601")], 21_208),
        (vec![to, from, twiml, ("SendDigits", "abc")], 21_207),
        (vec![to, from, twiml, ("Record", "perhaps")], 20_001),
        (vec![to, from, twiml, ("MachineDetection", "Maybe")], 20_001),
        (vec![to, from, ("ApplicationSid", "AP1"), twiml], 21_218),
        (vec![to, from, ("Twiml", &long)], 20_001),
    ] {
        let answer = client.twilio_form("full", "POST", "/Calls.json", &form).await;
        let told = (answer.status.as_u16(), &answer.json["code"]);
        assert_eq!(told, (400, &json!(code)), "{form:?} {}", answer.text);
    }
    let trial = client.twilio_form("trial", "POST", "/Calls.json", &[to, from, twiml]).await;
    assert_eq!(trial.json["code"], 21_219);
    assert_eq!(
        trial.json["message"],
        "The number +14155550123 is unverified. Trial accounts may only make calls to verified numbers."
    );
    for (key, form, status) in [
        ("trial", [("To", "+12125550187"), from, twiml], 201),
        ("caller_id_only", [to, ("From", "+12125550187"), twiml], 201),
        ("api_key", [to, from, twiml], 201),
        ("no_voice_number", [to, from, twiml], 400),
        ("calls_only", [to, from, twiml], 403),
        ("no_calls", [to, from, twiml], 403),
        ("suspended", [to, from, twiml], 401),
        ("throttled", [to, from, twiml], 429),
    ] {
        let answer = client.twilio_form(key, "POST", "/Calls.json", &form).await;
        assert_eq!(answer.status.as_u16(), status, "{key} {}", answer.text);
    }
}

#[tokio::test]
async fn an_event_that_twilio_does_not_know_is_a_warning_and_nothing_is_told() {
    let (client, server) = (quick().await, Server::new(&[]).await);
    let status = server.url("/status");
    let form = [
        ("Twiml", "<Response/>"),
        ("StatusCallback", &status),
        ("StatusCallbackEvent", "initiated completed"),
    ];
    let sid = client.call(&form).await;
    client.ended(&sid).await;
    assert_eq!(client.codes(&sid).await, ["21626"]);
    assert_eq!(server.at("/status").len(), 0);
}

#[tokio::test]
async fn a_call_is_hung_up_cancelled_and_redirected() {
    let (client, server) =
        (quick().await, Server::new(&[("/other", Reply::twiml("<Say>Elsewhere</Say>"))]).await);
    let waits = ("Twiml", "<Response><Pause length=\"1000\"/></Response>");
    let change = async |sid: &str, form: &[(&str, &str)]| {
        client.twilio_form("full", "POST", &format!("/Calls/{sid}.json"), form).await
    };

    let sid = client.call(&[waits]).await;
    client.answered(&sid).await;
    assert_eq!(change(&sid, &[("Status", "canceled")]).await.json["code"], 21_220);
    assert_eq!(change(&sid, &[("Status", "completed")]).await.json["status"], "completed");
    let late = change(&sid, &[("Status", "completed")]).await;
    assert_eq!((late.status.as_u16(), &late.json["code"]), (400, &json!(21_220)));

    pace(&client, json!({ "second_ms": 100, "price_after": 5 })).await;
    let sid = client.call(&[waits]).await;
    let early = change(&sid, &[("Twiml", "<Response/>")]).await;
    assert_eq!(early.json["message"], "Call is not in-progress. Cannot redirect.");
    let cancelled = change(&sid, &[("Status", "canceled")]).await.json;
    assert_eq!((&cancelled["status"], &cancelled["duration"]), (&json!("canceled"), &json!("0")));

    pace(&client, json!({ "second_ms": 5, "price_after": 5 })).await;
    let sid = client.call(&[waits]).await;
    client.answered(&sid).await;
    let other = server.url("/other");
    assert_eq!(change(&sid, &[("Url", &other)]).await.json["status"], "in-progress");
    assert_eq!(client.ended(&sid).await["status"], "completed");
    assert!(client.journal(&sid).await.iter().any(|entry| entry["text"] == "Elsewhere"));

    assert_eq!(change(&sid, &[("Status", "later")]).await.json["code"], 20_001);
    assert_eq!(change("CA0", &[("Status", "completed")]).await.status, 404);
}

#[tokio::test]
async fn calls_are_listed_with_the_past_ones_and_deleted_once_they_are_over() {
    let client = quick().await;
    let sid = client.call(&[("Twiml", "<Response><Pause length=\"1000\"/></Response>")]).await;
    let path = format!("/Calls/{sid}.json");
    let early = client.twilio_form("full", "DELETE", &path, &[]).await;
    assert_eq!((early.status.as_u16(), &early.json["code"]), (409, &json!(20_009)));
    let all = client.twilio("full", "/Calls.json").await.json["calls"].as_array().unwrap().clone();
    assert_eq!((all.len(), &all[0]["sid"]), (8, &json!(sid)));
    let to = TO.replace('+', "%2B");
    for (query, count) in [
        (format!("To={to}"), 1),
        ("From=%2B12025550142".to_owned(), 8),
        ("StartTime%3C=2026-11-20&Status=completed".to_owned(), 4),
        ("StartTime=2020-01-01".to_owned(), 0),
    ] {
        let found = client.twilio("full", &format!("/Calls.json?{query}")).await.json;
        assert_eq!(found["calls"].as_array().map(Vec::len), Some(count), "{query}");
    }
    assert_eq!(client.twilio("trial", "/Calls.json").await.json["calls"].as_array().map(Vec::len), Some(7));
    assert_eq!(client.twilio("trial", &path).await.status, 404);

    client.answered(&sid).await;
    client.twilio_form("full", "POST", &path, &[("Status", "completed")]).await;
    let past = all[7]["sid"].as_str().unwrap();
    for sid in [sid.as_str(), past] {
        let path = format!("/Calls/{sid}.json");
        assert_eq!(client.twilio_form("full", "DELETE", &path, &[]).await.status, 204);
        assert_eq!(client.twilio("full", &path).await.status, 404);
        assert_eq!(client.twilio_form("full", "DELETE", &path, &[]).await.status, 404);
    }
    assert_eq!(client.twilio("full", "/Calls.json").await.json["calls"].as_array().map(Vec::len), Some(6));
}

#[tokio::test]
async fn a_call_is_recorded() {
    let (client, server) = (quick().await, Server::new(&[]).await);
    let (ready, status) = (server.url("/ready"), server.url("/status"));
    let form = [
        ("Twiml", "<Response><Pause length=\"10\"/></Response>"),
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("RecordingStatusCallback", &ready),
        ("RecordingStatusCallbackEvent", "in-progress"),
        ("RecordingStatusCallbackEvent", "completed"),
        ("StatusCallback", &status),
    ];
    let sid = client.call(&form).await;
    let told = server.heard("/ready", 2).await;
    assert_eq!(
        (told[0].get("RecordingStatus"), told[1].get("RecordingStatus")),
        (Some("in-progress"), Some("completed"))
    );
    assert!(told.iter().all(|heard| heard.is_signed_by("full")));
    let recording = told[1].get("RecordingSid").unwrap();
    let ended = server.heard("/status", 1).await;
    assert_eq!(ended[0].get("RecordingSid"), Some(recording));

    let found = client.twilio("full", &format!("/Calls/{sid}/Recordings.json")).await.json;
    let known = &found["recordings"][0];
    assert_eq!(
        (&known["sid"], &known["channels"], &known["status"]),
        (&json!(recording), &json!(2), &json!("completed"))
    );
    assert_eq!(
        (known["duration"].as_str(), &known["source"]),
        (told[1].get("RecordingDuration"), &json!("OutboundAPI"))
    );
    assert_eq!(client.twilio("full", "/Recordings.json").await.json["recordings"][0], *known);
    let by_call = client.twilio("full", &format!("/Recordings.json?CallSid={sid}")).await.json;
    assert_eq!(by_call["recordings"].as_array().map(Vec::len), Some(1));

    let url = told[1].get("RecordingUrl").unwrap();
    assert!(url.ends_with(&format!("/Recordings/{recording}")), "{url}");
    let sound = client.twilio("full", &format!("/Recordings/{recording}.wav")).await;
    assert_eq!(
        (sound.status.as_u16(), &sound.headers["content-type"], &sound.text[..4]),
        (200, &"audio/x-wav".parse().unwrap(), "RIFF")
    );
    assert_eq!(client.twilio("trial", &format!("/Recordings/{recording}.wav")).await.status, 404);
    assert_eq!(client.get(url.strip_prefix("http://127.0.0.1:4010").unwrap()).await.status, 401);

    let path = format!("/Recordings/{recording}.json");
    assert_eq!(client.twilio_form("full", "DELETE", &path, &[]).await.status, 204);
    assert_eq!(client.twilio("full", &path).await.status, 404);
}

#[tokio::test]
async fn calls_are_dialled_one_a_second() {
    let client = Client::new();
    pace(&client, json!({ "second_ms": 60_000 })).await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        let sid = client.call(&[("Twiml", "<Response/>")]).await;
        let call = client.twilio("full", &format!("/Calls/{sid}.json")).await.json;
        waits.push(call["queue_time"].as_str().unwrap().parse::<u64>().unwrap());
    }
    let whole: Vec<f64> = waits.iter().map(|wait| (*wait as f64 / 1000.0).round()).collect();
    assert_eq!(whole, [0.0, 1.0, 2.0], "{waits:?}");
}

#[tokio::test]
async fn a_reset_ends_everything() {
    let (client, server) = (quick().await, Server::new(&[]).await);
    let status = server.url("/status");
    let form = [("Twiml", "<Response><Pause length=\"1000\"/></Response>"), ("StatusCallback", &status)];
    let sid = client.call(&form).await;
    client.answered(&sid).await;
    client.order("POST", "/reset", Value::Null).await;
    assert_eq!(client.twilio("full", &format!("/Calls/{sid}.json")).await.status, 404);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.at("/status").len(), 0);
}
