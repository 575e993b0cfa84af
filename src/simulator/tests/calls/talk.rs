use super::*;

const SPOKEN: &str = "<Gather input=\"speech dtmf\" action=\"/turn?n=1\" speechTimeout=\"auto\" timeout=\"5\">\
                      <Say voice=\"Polly.Joanna-Neural\">Who is there?</Say></Gather><Say>Nobody</Say>";

/// A server whose call begins with `first`, goes on with `turn`, and what is asked there.
async fn talk(first: &str, turn: &str) -> (Client, Server) {
    let server = Server::new(&[("/twiml", Reply::twiml(first)), ("/turn", Reply::twiml(turn))]).await;
    (quick().await, server)
}

async fn carried_out(client: &Client, server: &Server) -> (String, Vec<Value>) {
    let sid = client.call(&[("Url", &server.url("/twiml"))]).await;
    client.ended(&sid).await;
    let journal = client.journal(&sid).await;
    (sid, journal)
}

fn does(journal: &[Value]) -> Vec<&str> {
    journal.iter().map(|entry| entry["does"].as_str().unwrap()).filter(|does| *does != "status").collect()
}

#[tokio::test]
async fn what_is_said_is_told() {
    let (client, server) = talk(SPOKEN, "<Say>Good bye</Say><Hangup/><Say>Never</Say>").await;
    script(&client, TO, json!({ "turns": [{ "says": "It is me, Ada", "confidence": 0.81 }] })).await;
    let (sid, journal) = carried_out(&client, &server).await;
    assert_eq!(does(&journal), ["fetch", "gather", "say", "heard", "fetch", "say", "hangup"]);
    let heard = journal.iter().find(|entry| entry["does"] == "heard").unwrap();
    assert_eq!(
        *heard,
        json!({ "does": "heard", "speech": "It is me, Ada", "confidence": 0.81, "digits": null })
    );
    let told = &server.at("/turn")[0];
    assert!(told.is_signed_by("full"));
    for (name, value) in [
        ("SpeechResult", Some("It is me, Ada")),
        ("Confidence", Some("0.81")),
        ("Digits", None),
        ("n", Some("1")),
        ("CallSid", Some(sid.as_str())),
        ("CallStatus", Some("in-progress")),
    ] {
        assert_eq!(told.get(name), value, "{name}");
    }
}

#[tokio::test]
async fn what_is_pressed_is_told() {
    for (gather, keys, digits) in [
        ("<Gather action=\"/turn\"/>", "12#3", "12"),
        ("<Gather action=\"/turn\" numDigits=\"3\"/>", "1234", "123"),
        ("<Gather action=\"/turn\" finishOnKey=\"*\"/>", "1#2*3", "1#2"),
        ("<Gather action=\"/turn\" finishOnKey=\"\" numDigits=\"4\"/>", "*#12", "*#12"),
        ("<Gather action=\"/turn\"/>", "77", "77"),
    ] {
        let (client, server) = talk(gather, "<Hangup/>").await;
        script(&client, TO, json!({ "turns": [{ "presses": keys }] })).await;
        carried_out(&client, &server).await;
        let told = server.at("/turn");
        assert_eq!(told[0].get("Digits"), Some(digits), "{gather}");
        assert_eq!(told[0].get("SpeechResult"), None);
    }
}

#[tokio::test]
async fn silence_goes_on_with_the_next_verb_or_is_told_too() {
    for (callee, why) in [
        (json!({}), "no script"),
        (json!({ "turns": [{ "says": "too late", "after": 6.0 }] }), "too late"),
        (json!({ "turns": [{ "presses": "#" }] }), "no digit"),
    ] {
        let (client, server) = talk(SPOKEN, "<Hangup/>").await;
        script(&client, TO, callee).await;
        let (_, journal) = carried_out(&client, &server).await;
        assert_eq!(does(&journal), ["fetch", "gather", "say", "silence", "say", "hangup"], "{why}");
    }
    let only_keys = "<Gather action=\"/turn\" actionOnEmptyResult=\"true\"/>";
    let (client, server) = talk(only_keys, "<Hangup/>").await;
    script(&client, TO, json!({ "turns": [{ "says": "I talk to a keypad" }] })).await;
    carried_out(&client, &server).await;
    assert_eq!(server.at("/turn")[0].get("Digits"), Some(""));
}

#[tokio::test]
async fn the_callee_interrupts_where_it_may() {
    let long =
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen";
    for (attributes, interrupted) in [("", true), (" bargeIn=\"false\"", false)] {
        let first = format!(
            "<Gather input=\"speech\" action=\"/turn\"{attributes}><Say>{long} {long}</Say></Gather>"
        );
        let (client, server) = talk(&first, "<Hangup/>").await;
        script(&client, TO, json!({ "turns": [{ "says": "stop", "after": 1.0, "interrupts": true }] })).await;
        let (_, journal) = carried_out(&client, &server).await;
        assert_eq!(does(&journal).contains(&"interrupted"), interrupted, "{attributes}");
        assert_eq!(server.at("/turn")[0].get("SpeechResult"), Some("stop"));
    }
}

#[tokio::test]
async fn turns_follow_each_other_until_the_callee_hangs_up() {
    let (client, server) = talk(SPOKEN, &format!("<Redirect method=\"GET\">/twiml</Redirect>{SPOKEN}")).await;
    let turns = json!([{ "says": "one" }, { "presses": "2" }, { "hangs_up": true }]);
    script(&client, TO, json!({ "turns": turns })).await;
    let (_, journal) = carried_out(&client, &server).await;
    let told = server.at("/turn");
    assert_eq!((told[0].get("SpeechResult"), told[1].get("Digits")), (Some("one"), Some("2")));
    assert_eq!(told.len(), 2);
    assert_eq!(journal[journal.len() - 2]["does"], "hangup");
    assert!(does(&journal).contains(&"callee_hangs_up"));
    let asked = server.at("/twiml");
    assert_eq!((&asked[0].method, &asked[1].method, asked.len()), (&Method::POST, &Method::GET, 3));
    assert!(asked.iter().all(|heard| heard.is_signed_by("full")));
}

#[tokio::test]
async fn the_callee_hangs_up_in_the_middle() {
    let client = quick().await;
    script(&client, TO, json!({ "hangs_up_after": 3.0 })).await;
    let sid = client.call(&[("Twiml", "<Response><Pause length=\"1000\"/></Response>")]).await;
    assert_eq!(client.ended(&sid).await["status"], "completed");
    assert!(does(&client.journal(&sid).await).contains(&"callee_hangs_up"));
}

#[tokio::test]
async fn a_call_lasts_as_long_as_it_may() {
    let client = quick().await;
    let form = [("Twiml", "<Response><Say loop=\"0\">Again</Say></Response>"), ("TimeLimit", "20")];
    let sid = client.call(&form).await;
    let call = client.ended(&sid).await;
    let seconds: u64 = call["duration"].as_str().unwrap().parse().unwrap();
    assert!((20..500).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn files_are_played() {
    let (client, server) = talk("<Play>/hello.mp3</Play><Play>/page</Play><Say>On</Say>", "").await;
    let sound = Reply(200, "audio/mpeg", "x".repeat(20_000), Duration::ZERO);
    server.replies.lock().unwrap().insert("/hello.mp3".to_owned(), sound);
    server.replies.lock().unwrap().insert("/page".to_owned(), Reply::twiml(""));
    let (sid, journal) = carried_out(&client, &server).await;
    assert_eq!(does(&journal), ["fetch", "play", "error", "say", "hangup"]);
    assert_eq!(
        (&journal[3]["bytes"], &journal[3]["content_type"]),
        (&json!(20_000), &json!("audio/mpeg")),
        "{journal:?}"
    );
    assert_eq!(client.codes(&sid).await, ["12300"]);
    assert_eq!(server.at("/hello.mp3")[0].method, Method::GET);
}

#[tokio::test]
async fn a_message_is_recorded() {
    let first =
        "<Record action=\"/turn\" maxLength=\"30\" recordingStatusCallback=\"/ready\"/><Say>Nothing</Say>";
    let (client, server) = talk(first, "<Hangup/>").await;
    script(&client, TO, json!({ "turns": [{ "says": "Call me back, please", "presses": "#" }] })).await;
    carried_out(&client, &server).await;
    let told = &server.at("/turn")[0];
    let recording = told.get("RecordingSid").unwrap();
    assert_eq!((told.get("Digits"), told.get("RecordingDuration")), (Some("#"), Some("2")));
    let ready = server.heard("/ready", 1).await;
    assert_eq!(
        (ready[0].get("RecordingSid"), ready[0].get("RecordingSource")),
        (Some(recording), Some("RecordVerb"))
    );

    let (client, server) = talk(first, "<Hangup/>").await;
    let (_, journal) = carried_out(&client, &server).await;
    assert_eq!(does(&journal), ["fetch", "silence", "say", "hangup"]);

    let (client, server) = talk(first, "<Say>Never</Say>").await;
    script(&client, TO, json!({ "turns": [{ "says": "Bye", "hangs_up": true }] })).await;
    let (_, journal) = carried_out(&client, &server).await;
    assert_eq!(server.at("/turn")[0].get("Digits"), Some("hangup"));
    assert!(!does(&journal).contains(&"say"));
}

#[tokio::test]
async fn what_cannot_be_had_ends_the_call_with_its_code() {
    let big = Reply(200, "text/xml", "x".repeat(70_000), Duration::ZERO);
    for (reply, code) in [
        (Reply::status(500), "11200"),
        (Reply::status(404), "11200"),
        (Reply::status(403), "11200"),
        (Reply(200, "application/json", "{}".to_owned(), Duration::ZERO), "12300"),
        (Reply(200, "text/xml", "<Response>".to_owned(), Duration::ZERO), "12100"),
        (Reply::twiml("<Redirect>http://example.org/</Redirect>"), "11100"),
        (Reply::twiml("<Gather action=\"https://example.org/\"/>"), "11100"),
        (big, "11750"),
    ] {
        let (client, server) = (quick().await, Server::new(&[("/twiml", reply)]).await);
        let (sid, journal) = carried_out(&client, &server).await;
        assert_eq!(client.codes(&sid).await, [code]);
        assert!(
            journal.iter().any(|entry| {
                entry["text"] == "We are sorry, an application error has occurred. Goodbye."
            })
        );
        assert_eq!(client.ended(&sid).await["status"], "completed");
    }
    let (client, server) = (quick().await, Server::new(&[]).await);
    let slow = Reply(200, "text/xml", "<Response/>".to_owned(), Duration::from_secs(2));
    server.replies.lock().unwrap().insert("/twiml".to_owned(), slow);
    pace(&client, json!({ "second_ms": 5, "webhook_timeout_ms": 100 })).await;
    let (sid, _) = carried_out(&client, &server).await;
    assert_eq!(client.codes(&sid).await, ["11205"]);
}

#[tokio::test]
async fn the_fallback_helps_and_hears_why() {
    let (client, server) = (quick().await, Server::new(&[("/twiml", Reply::status(503))]).await);
    let (twiml, fallback) = (server.url("/twiml"), server.url("/fallback"));
    server.replies.lock().unwrap().insert("/fallback".to_owned(), Reply::twiml("<Say>Sorry</Say>"));
    let sid = client.call(&[("Url", &twiml), ("FallbackUrl", &fallback), ("FallbackMethod", "GET")]).await;
    client.ended(&sid).await;
    let told = &server.at("/fallback")[0];
    assert_eq!((told.get("ErrorCode"), told.get("ErrorUrl")), (Some("11200"), Some(twiml.as_str())));
    assert!(told.is_signed_by("full"));
    assert!(client.journal(&sid).await.iter().any(|entry| entry["text"] == "Sorry"));

    server.replies.lock().unwrap().insert("/fallback".to_owned(), Reply::status(500));
    let sid = client.call(&[("Url", &twiml), ("FallbackUrl", &fallback)]).await;
    client.ended(&sid).await;
    assert_eq!(client.codes(&sid).await, ["11200", "11200"]);
    assert_eq!(server.at("/fallback").len(), 2);
}

#[tokio::test]
async fn what_is_not_simulated_ends_the_call_and_says_so() {
    let client = quick().await;
    let sid = client.call(&[("Twiml", "<Response><Dial>+14155550100</Dial><Say>No</Say></Response>")]).await;
    client.ended(&sid).await;
    let journal = client.journal(&sid).await;
    assert_eq!(does(&journal), ["not_simulated", "hangup"]);
}

#[tokio::test]
async fn plain_text_is_read_out() {
    let reply = Reply(200, "text/plain; charset=utf-8", "Hello from a file".to_owned(), Duration::ZERO);
    let (client, server) = (quick().await, Server::new(&[("/twiml", reply)]).await);
    let (_, journal) = carried_out(&client, &server).await;
    assert!(journal.iter().any(|entry| entry["text"] == "Hello from a file"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_tried_again() {
    let client = quick().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let counted = Arc::new(Mutex::new(0));
    let own = Arc::clone(&counted);
    let taking = tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            *own.lock().unwrap() += 1;
            drop(connection);
        }
    });
    let sid = client.call(&[("Url", &url)]).await;
    client.ended(&sid).await;
    assert_eq!((client.codes(&sid).await, *counted.lock().unwrap()), (vec!["11205".to_owned()], 1));

    taking.abort();
    assert!(taking.await.unwrap_err().is_cancelled());
    let sid = client.call(&[("Url", &url)]).await;
    client.ended(&sid).await;
    assert_eq!(client.codes(&sid).await, ["11205"]);
}
