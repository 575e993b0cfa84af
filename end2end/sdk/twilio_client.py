"""The simulator against `twilio`, Twilio's SDK."""

import io
import urllib.error
import urllib.request
import wave
from datetime import datetime, timezone

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

from listener import Listener
from simulator import equal, eventually, main, raised

FROM = "+12025550142"
TO = "+14155550123"


def client(simulator, key):
    """A client for the test key `key`, by API key if it has one."""
    fields = simulator.keys["twilio", key]
    if "api_key_sid" in fields:
        made = Client(fields["api_key_sid"], fields["api_key_secret"], fields["account_sid"])
    else:
        made = Client(fields["account_sid"], fields["auth_token"])
    made.api.base_url = f"{simulator.base}/twilio"
    return made


def refusal(call, status, code):
    """`call` must be refused in Twilio's form."""
    error = raised(TwilioRestException, call)
    equal((error.status, error.code), (status, code))
    return error


def account(simulator):
    for key, status, kind in [("full", "active", "Full"), ("trial", "active", "Trial"), ("closed", "closed", "Full")]:
        made = client(simulator, key)
        known = made.api.v2010.accounts(made.account_sid).fetch()
        equal((known.status, known.type, known.auth_token), (status, kind, simulator.keys["twilio", key]["auth_token"]))
        equal((known.sid, known.date_created.year), (made.account_sid, 2015))


def api_key(simulator):
    made = client(simulator, "api_key")
    error = refusal(made.api.v2010.accounts(made.account_sid).fetch, 401, 20003)
    assert error.msg.endswith("Authentication Error - invalid username"), error.msg
    equal(len(made.calls.list(limit=1, page_size=1)), 1)


def calls_page_by_page(simulator):
    calls = client(simulator, "full").calls.list(page_size=2)
    equal((len(calls), len({call.sid for call in calls})), (7, 7))
    equal((calls[0].status, calls[0].price, calls[0].price_unit), ("completed", "-0.01400", "USD"))
    equal(len(client(simulator, "full").calls.list(status="completed", page_size=1)), 4)


def numbers(simulator):
    for key, voice in [("full", [True]), ("no_voice_number", [False]), ("caller_id_only", [])]:
        found = client(simulator, key).incoming_phone_numbers.list()
        equal([number.capabilities["voice"] for number in found], voice)
    equal(len(client(simulator, "caller_id_only").outgoing_caller_ids.list()), 1)


def balance(simulator):
    for key, amount in [("full", "48.20"), ("negative_balance", "-3.50")]:
        equal(client(simulator, key).balance.fetch().balance, amount)
    refusal(client(simulator, "subaccount").balance.fetch, 404, 20404)


def refusals(simulator):
    for key, status, code in [
        ("invalid", 401, 20003),
        ("suspended", 401, 20003),
        ("throttled", 429, 20429),
        ("down", 503, 20503),
    ]:
        refusal(client(simulator, key).balance.fetch, status, code)
    refusal(client(simulator, "calls_only").balance.fetch, 403, 70051)
    # A refused list is an error of its own kind, with status and body in its text.
    error = raised(TwilioException, lambda: client(simulator, "no_calls").calls.list(limit=1))
    assert "HTTP 403" in str(error) and '"code":70051' in str(error), error


def a_fault_and_then_none(simulator):
    simulator.fault("twilio", kind="status", status=500)
    made = client(simulator, "full")
    refusal(made.balance.fetch, 500, 20500)
    equal(made.balance.fetch().currency, "USD")


def number_and_caller_id(simulator):
    made = client(simulator, "trial")
    [number] = made.incoming_phone_numbers.list(phone_number=FROM)
    equal(made.incoming_phone_numbers(number.sid).fetch().friendly_name, number.friendly_name)
    equal(made.incoming_phone_numbers.list(phone_number=TO), [])
    [caller_id] = made.outgoing_caller_ids.list()
    equal(made.outgoing_caller_ids(caller_id.sid).fetch().phone_number, caller_id.phone_number)


def dates(simulator):
    made = client(simulator, "full")
    equal(len(made.calls.list(start_time=datetime(2026, 11, 20, tzinfo=timezone.utc))), 7)
    equal(len(made.calls.list(start_time_before=datetime(2026, 11, 20, 12, tzinfo=timezone.utc))), 2)
    equal(len(made.calls.list(start_time_after=datetime(2026, 11, 20, 12, tzinfo=timezone.utc))), 5)
    equal(len(list(made.calls.stream(limit=3, page_size=1))), 3)
    page = made.calls.page(page_size=4)
    equal((len(list(page)), len(list(page.next_page()))), (4, 3))


def ended(call):
    """The call, once it is over."""

    def over():
        known = call.fetch()
        return known if known.end_time else None

    return eventually(over)


def signed(simulator, heard):
    """Every request must bear the account's signature, as the SDK checks it."""
    token = simulator.keys["twilio", "full"]["auth_token"]
    for request in heard:
        signature = request.headers["X-Twilio-Signature"]
        assert RequestValidator(token).validate(request.url, request.params, signature), request.url
        assert not RequestValidator("0" * 32).validate(request.url, request.params, signature)
        changed = {**request.params, "CallSid": "CA0"}
        assert not request.params or not RequestValidator(token).validate(request.url, changed, signature)


def life_of_a_call(simulator):
    made = client(simulator, "full")
    with Listener({"/twiml": ("text/xml", str(VoiceResponse()))}) as listener:
        call = made.calls.create(
            to=TO,
            from_=FROM,
            url=f"{listener.base}/twiml?a=1&b=%20",
            status_callback=f"{listener.base}/status",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            status_callback_method="POST",
            timeout=20,
            machine_detection="Enable",
        )
        equal((call.status, call.direction, call.to, call._from, call.price), ("queued", "outbound-api", TO, FROM, None))
        told = listener.heard("/status", 4)
        equal([heard.params["CallStatus"] for heard in told], ["initiated", "ringing", "in-progress", "completed"])
        equal([heard.params["SequenceNumber"] for heard in told], ["0", "1", "2", "3"])
        equal(listener.heard("/twiml")[0].params["AnsweredBy"], "human")
        signed(simulator, listener.requests)
    known = ended(call)
    equal((known.status, known.answered_by), ("completed", "human"))
    equal(known.duration, told[3].params["CallDuration"])
    assert known.start_time.tzinfo and known.date_created <= known.end_time
    equal(eventually(lambda: call.fetch().price), "-0.01400")
    equal(made.calls.list(to=TO, status="completed", start_time=known.start_time)[0].sid, call.sid)
    equal(call.delete(), True)
    refusal(call.fetch, 404, 20404)


def outcomes(simulator):
    made = client(simulator, "full")
    for to, status in [
        ("+15005550010", "busy"),
        ("+15005550011", "no-answer"),
        ("+15005550012", "failed"),
    ]:
        equal(ended(made.calls.create(to=to, from_=FROM, twiml="<Response/>", timeout=5)).status, status)


def refused_calls(simulator):
    made = client(simulator, "full")
    twiml = "<Response/>"
    for code, order in [
        (21211, {"to": "+1415555", "from_": FROM, "twiml": twiml}),
        (21217, {"to": "+15005550001", "from_": FROM, "twiml": twiml}),
        (21214, {"to": "+15005550002", "from_": FROM, "twiml": twiml}),
        (21215, {"to": "+15005550003", "from_": FROM, "twiml": twiml}),
        (21216, {"to": "+15005550004", "from_": FROM, "twiml": twiml}),
        (21212, {"to": TO, "from_": "nobody", "twiml": twiml}),
        (21210, {"to": TO, "from_": TO, "twiml": twiml}),
        (21205, {"to": TO, "from_": FROM}),
        (21205, {"to": TO, "from_": FROM, "url": "https://example.org/twiml"}),
        (21609, {"to": TO, "from_": FROM, "twiml": twiml, "status_callback": "http://example.org/"}),
        (21208, {"to": TO, "from_": FROM, "twiml": twiml, "timeout": 0}),
    ]:
        refusal(lambda: made.calls.create(**order), 400, code)
    error = refusal(lambda: client(simulator, "trial").calls.create(to=TO, from_=FROM, twiml=twiml), 400, 21219)
    assert error.msg.endswith("Trial accounts may only make calls to verified numbers."), error.msg
    refusal(lambda: client(simulator, "calls_only").calls.create(to=TO, from_=FROM, twiml=twiml), 403, 70051)
    refusal(lambda: client(simulator, "suspended").calls.create(to=TO, from_=FROM, twiml=twiml), 401, 20003)


def conversation(simulator):
    made = client(simulator, "full")
    simulator.control(
        "PUT",
        f"/twilio/callees/{TO}",
        {"turns": [{"says": "A table for two", "confidence": 0.9}, {"presses": "19#"}, {"hangs_up": True}]},
    )
    first = VoiceResponse()
    gather = Gather(input="speech dtmf", action="/turn", speech_timeout="auto", action_on_empty_result=True)
    gather.say("How may I help?", voice="Polly.Joanna-Neural", language="en-US")
    first.append(gather)
    with Listener({"/twiml": ("text/xml", str(first)), "/turn": ("text/xml", str(first))}) as listener:
        call = made.calls.create(to=TO, from_=FROM, url=f"{listener.base}/twiml")
        equal(ended(call).status, "completed")
        turns = listener.heard("/turn", 2)
        signed(simulator, listener.requests)
    equal([turn.params.get("SpeechResult") for turn in turns], ["A table for two", None])
    equal([turn.params.get("Confidence") for turn in turns], ["0.9", None])
    equal([turn.params.get("Digits") for turn in turns], [None, "19"])
    journal = simulator.control("GET", f"/twilio/calls/{call.sid}")["journal"]
    equal([entry["text"] for entry in journal if entry["does"] == "say"], ["How may I help?"] * 3)
    equal(made.calls(call.sid).notifications.list(), [])


def control_of_a_call(simulator):
    made = client(simulator, "full")
    waits = "<Response><Pause length='600'/></Response>"
    simulator.control("PUT", f"/twilio/callees/{TO}", {"rings": 1e6})
    call = made.calls.create(to=TO, from_=FROM, twiml=waits)
    refusal(lambda: made.calls(call.sid).update(twiml="<Response/>"), 400, 21220)
    equal(made.calls(call.sid).update(status="canceled").status, "canceled")
    refusal(lambda: made.calls(call.sid).update(status="completed"), 400, 21220)

    simulator.control("PUT", f"/twilio/callees/{TO}", {})
    call = made.calls.create(to=TO, from_=FROM, twiml=waits)
    eventually(lambda: call.fetch().status == "in-progress")
    equal(made.calls(call.sid).update(twiml="<Response><Pause length='600'/></Response>").status, "in-progress")
    refusal(made.calls(call.sid).delete, 409, 20009)
    equal(made.calls(call.sid).update(status="completed").status, "completed")
    equal(made.calls(call.sid).delete(), True)


def recording(simulator):
    made = client(simulator, "full")
    with Listener() as listener:
        call = made.calls.create(
            to=TO,
            from_=FROM,
            twiml="<Response><Pause length='3'/></Response>",
            record=True,
            recording_channels="dual",
            recording_status_callback=f"{listener.base}/ready",
            recording_status_callback_event=["completed"],
        )
        [told] = listener.heard("/ready")
        signed(simulator, [told])
    [known] = made.recordings.list(call_sid=call.sid)
    equal((known.sid, known.channels, known.status), (told.params["RecordingSid"], 2, "completed"))
    equal([one.sid for one in made.calls(call.sid).recordings.list()], [known.sid])
    equal(made.recordings(known.sid).fetch().duration, told.params["RecordingDuration"])
    error = raised(urllib.error.HTTPError, lambda: urllib.request.urlopen(known.media_url, timeout=10))
    equal(error.code, 401)
    answer = made.request("GET", f"{known.media_url}.wav", auth=made.auth)
    # The SDK decodes every body as text; the header alone survives that.
    equal((answer.status_code, answer.text[:4]), (200, "RIFF"))
    fields = simulator.keys["twilio", "full"]
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, simulator.base, fields["account_sid"], fields["auth_token"])
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(told.params["RecordingUrl"], timeout=10) as media, wave.open(io.BytesIO(media.read())) as sound:
        equal((sound.getnchannels(), sound.getframerate(), sound.getsampwidth()), (2, 8000, 2))
        equal(str(sound.getnframes() // 8000), told.params["RecordingDuration"])
    equal(made.recordings(known.sid).delete(), True)
    refusal(made.recordings(known.sid).fetch, 404, 20404)


def what_goes_wrong(simulator):
    made = client(simulator, "full")
    with Listener({"/twiml": ("application/json", "{}")}) as listener:
        call = made.calls.create(to=TO, from_=FROM, url=f"{listener.base}/twiml")
        equal(ended(call).status, "completed")
    [found] = made.calls(call.sid).notifications.list()
    equal((found.error_code, found.log, found.request_url), ("12300", "0", f"{listener.base}/twiml"))


def a_forged_callback(simulator):
    made = client(simulator, "full")
    token = simulator.keys["twilio", "full"]["auth_token"]
    simulator.control("POST", "/twilio/callback_faults", {"about": "status", "fault": {"kind": "forged"}})
    with Listener() as listener:
        made.calls.create(to=TO, from_=FROM, twiml="<Response/>", status_callback=f"{listener.base}/status")
        [told] = listener.heard("/status")
    assert not RequestValidator(token).validate(told.url, told.params, told.headers["X-Twilio-Signature"])


main(
    "twilio",
    [
        account,
        api_key,
        calls_page_by_page,
        dates,
        numbers,
        number_and_caller_id,
        balance,
        refusals,
        a_fault_and_then_none,
        life_of_a_call,
        outcomes,
        refused_calls,
        conversation,
        control_of_a_call,
        recording,
        what_goes_wrong,
        a_forged_callback,
    ],
)
