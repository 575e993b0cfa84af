"""The simulator against `openai`, OpenAI's SDK."""

import io
import json
import wave

import openai

from simulator import equal, main, raised

TOOL = {
    "name": "book",
    "description": "Books a table.",
    "parameters": {"type": "object", "properties": {"seats": {"type": "integer"}}},
}


def client(simulator, key="plenty", max_retries=0):
    """A client for the test key `key`."""
    return openai.OpenAI(
        api_key=simulator.keys["openai", key]["api_key"],
        base_url=f"{simulator.base}/openai/v1",
        max_retries=max_retries,
        timeout=10,
    )


def say(made, text="Hello there", **more):
    """A chat completion."""
    more = {"model": "gpt-5.2", **more}
    return made.chat.completions.create(messages=[{"role": "user", "content": text}], **more)


def recording(seconds):
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\1\2" * int(8000 * seconds))
    return file.getvalue()


def requests(simulator):
    """The statuses of the requests so far."""
    return [line["status"] for line in simulator.control("GET", "/journal")["items"]]


def models(simulator):
    found = list(client(simulator).models.list())
    assert {"gpt-5.2", "gpt-4o-transcribe"} <= {model.id for model in found}, found
    one = client(simulator).models.retrieve("gpt-5.2")
    equal((one.id, one.object, one.owned_by), ("gpt-5.2", "model", "system"))
    error = raised(openai.NotFoundError, lambda: client(simulator).models.retrieve("gpt-0"))
    equal((error.code, error.type), ("model_not_found", "invalid_request_error"))


def chat(simulator):
    answer = say(client(simulator))
    choice = answer.choices[0]
    equal((choice.message.content, choice.finish_reason), ("You said: Hello there", "stop"))
    equal((answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens), (2, 4, 6))
    cut = say(client(simulator), max_completion_tokens=3)
    equal((cut.choices[0].message.content, cut.choices[0].finish_reason), ("You said: Hello ", "length"))
    stopped = say(client(simulator), stop=["Hello"])
    equal((stopped.choices[0].message.content, stopped.choices[0].finish_reason), ("You said: ", "stop"))


def chat_stream(simulator):
    stream = say(client(simulator), stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    equal("".join(texts), "You said: Hello there")
    equal([choice.finish_reason for chunk in chunks for choice in chunk.choices][-1], "stop")
    equal((chunks[-1].choices, chunks[-1].usage.total_tokens), ([], 6))
    assert all(chunk.usage is None for chunk in chunks[:-1])
    equal(len({chunk.id for chunk in chunks}), 1)
    with client(simulator).chat.completions.stream(
        model="gpt-5.2", messages=[{"role": "user", "content": "Hello there"}]
    ) as helper:
        equal(helper.get_final_completion().choices[0].message.content, "You said: Hello there")


def script(simulator):
    simulator.control("POST", "/replies", {"to": "PRICE", "text": "It costs nothing.", "times": 1})
    made = client(simulator)
    equal(say(made, "What is the price?").choices[0].message.content, "It costs nothing.")
    equal(say(made, "What is the price?").choices[0].message.content, "You said: What is the price?")
    simulator.control("POST", "/replies", {"provider": "openai", "text": "No.", "refuse": True})
    equal(say(made).choices[0].finish_reason, "content_filter")


def tools(simulator):
    call = {"name": "book", "arguments": {"seats": 4}}
    simulator.control("POST", "/replies", {"to": "table", "call": call})
    made, offered = client(simulator), [{"type": "function", "function": TOOL}]
    choice = say(made, "A table for four", tools=offered).choices[0]
    equal((choice.finish_reason, choice.message.content), ("tool_calls", None))
    called = choice.message.tool_calls[0]
    equal((called.function.name, json.loads(called.function.arguments)), ("book", {"seats": 4}))
    again = made.chat.completions.create(
        model="gpt-5.2",
        tools=offered,
        messages=[
            {"role": "user", "content": "A table for four"},
            choice.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": called.id, "content": "Done."},
        ],
    )
    equal(again.choices[0].message.content, "The tool answered: Done.")
    equal(say(made, "A table for four").choices[0].finish_reason, "stop")
    chunks = say(made, "A table for four", tools=offered, stream=True)
    deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    equal(deltas[0].function.name, "book")
    equal(json.loads("".join(delta.function.arguments for delta in deltas)), {"seats": 4})


def responses(simulator):
    made = client(simulator)
    first = made.responses.create(model="gpt-5.2", input="Hello there", instructions="Be kind")
    equal((first.status, first.output_text), ("completed", "You said: Hello there"))
    equal((first.usage.input_tokens, first.usage.output_tokens), (4, 4))
    more = [{"role": "user", "content": [{"type": "input_text", "text": "And again"}]}]
    second = made.responses.create(model="gpt-5.2", input=more, previous_response_id=first.id)
    equal((second.output_text, second.previous_response_id), ("You said: And again", first.id))
    error = raised(
        openai.BadRequestError,
        lambda: made.responses.create(model="gpt-5.2", input="Hello", previous_response_id="resp_0"),
    )
    equal((error.code, error.param), ("previous_response_not_found", "previous_response_id"))
    long = made.responses.create(model="gpt-5.2", input="word " * 30, max_output_tokens=16)
    equal((long.status, long.incomplete_details.reason), ("incomplete", "max_output_tokens"))


def responses_stream(simulator):
    events = list(client(simulator).responses.create(model="gpt-5.2", input="Hello there", stream=True))
    kinds = [event.type for event in events]
    equal(kinds[:4], ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"])
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    equal("".join(deltas), "You said: Hello there")
    equal(
        kinds[-4:],
        ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"],
    )
    equal([event.sequence_number for event in events], list(range(len(events))))
    equal(events[-1].response.usage.total_tokens, 6)
    with client(simulator).responses.stream(model="gpt-5.2", input="Hello there") as helper:
        equal(helper.until_done().get_final_response().output_text, "You said: Hello there")


def responses_tools(simulator):
    simulator.control("POST", "/replies", {"to": "table", "call": {"name": "book", "arguments": {"seats": 4}}})
    made, offered = client(simulator), [{"type": "function", "strict": False, **TOOL}]
    answer = made.responses.create(model="gpt-5.2", input="A table for four", tools=offered)
    call = answer.output[0]
    equal((call.type, call.name, json.loads(call.arguments)), ("function_call", "book", {"seats": 4}))
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Done."}
    again = made.responses.create(model="gpt-5.2", input=[result], previous_response_id=answer.id, tools=offered)
    equal(again.output_text, "The tool answered: Done.")
    events = list(made.responses.create(model="gpt-5.2", input="A table for four", tools=offered, stream=True))
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    equal(json.loads(done[0].arguments), {"seats": 4})


def transcription(simulator):
    made = client(simulator)
    hear = lambda **more: made.audio.transcriptions.create(
        file=("call.wav", recording(1.5)), **{"model": "gpt-4o-transcribe", **more}
    )
    answer = hear()
    equal((answer.text, answer.usage.type), ("This is a recording of 1.5 seconds.", "tokens"))
    simulator.control("POST", "/transcripts", {"text": "I would like a table."})
    equal(hear(response_format="text"), "I would like a table.\n")
    verbose = hear(model="whisper-1", response_format="verbose_json")
    equal((verbose.duration, verbose.segments[0].end), (1.5, 1.5))
    assert "00:00:00,000 --> 00:00:01,500" in hear(model="whisper-1", response_format="srt")
    events = list(hear(stream=True))
    equal("".join(event.delta for event in events[:-1]), events[-1].text)
    short = lambda: made.audio.transcriptions.create(file=("a.wav", recording(0.01)), model="gpt-4o-transcribe")
    equal(raised(openai.BadRequestError, short).code, "audio_too_short")
    text = lambda: made.audio.transcriptions.create(file=("a.wav", b"no sound"), model="gpt-4o-transcribe")
    equal(raised(openai.BadRequestError, text).param, "file")
    large = lambda: made.audio.transcriptions.create(file=("a.wav", bytes((25 << 20) + 1)), model="gpt-4o-transcribe")
    equal(raised(openai.APIStatusError, large).status_code, 413)


def bad_requests(simulator):
    made = client(simulator)
    equal(raised(openai.NotFoundError, lambda: say(made, model="gpt-0")).code, "model_not_found")
    error = raised(openai.BadRequestError, lambda: say(made, max_tokens=5))
    equal((error.code, error.param), ("unsupported_parameter", "max_tokens"))
    equal(say(made, model="gpt-4.1-mini", max_tokens=5).choices[0].finish_reason, "stop")
    error = raised(openai.BadRequestError, lambda: made.chat.completions.create(model="gpt-5.2", messages=[]))
    equal((error.code, error.param), ("empty_array", "messages"))


def refusals(simulator):
    for key, kind, code in [
        ("invalid", openai.AuthenticationError, "invalid_api_key"),
        ("suspended", openai.AuthenticationError, "account_deactivated"),
        ("country_refused", openai.PermissionDeniedError, "unsupported_country_region_territory"),
        ("throttled", openai.RateLimitError, "rate_limit_exceeded"),
        ("exhausted", openai.RateLimitError, "insufficient_quota"),
        ("down", openai.InternalServerError, None),
    ]:
        for call in [client(simulator, key).models.list, lambda: say(client(simulator, key))]:
            equal((key, raised(kind, call).code), (key, code))
    raised(openai.PermissionDeniedError, client(simulator, "restricted").models.list)
    equal(say(client(simulator, "restricted")).choices[0].finish_reason, "stop")


def used_up(simulator):
    simulator.control("PUT", "/keys/openai/plenty", {"tokens_left": 8})
    made = client(simulator, max_retries=2)
    say(made)
    say(made)
    error = raised(openai.RateLimitError, lambda: say(made))
    equal((error.code, error.response.headers["x-should-retry"]), ("insufficient_quota", "false"))
    equal(requests(simulator), [200, 200, 429])
    assert list(made.models.list())


def counted_down(simulator):
    raw = client(simulator).chat.completions.with_raw_response
    ask = lambda: raw.create(model="gpt-5.2", messages=[{"role": "user", "content": "Hello there"}]).headers
    left = lambda headers: int(headers["x-ratelimit-remaining-requests"])
    first, second = ask(), ask()
    # A minute may have begun between the two.
    assert left(second) in (left(first) - 1, 499), (left(first), left(second))
    assert first["x-request-id"] != second["x-request-id"]


def retries(simulator):
    simulator.control("POST", "/faults", {"provider": "openai", "times": 2, "fault": {"kind": "status", "status": 500}})
    equal(say(client(simulator, max_retries=2)).choices[0].finish_reason, "stop")
    equal(requests(simulator), [500, 500, 200])
    simulator.fault("openai", kind="hang_up")
    raised(openai.APIConnectionError, lambda: say(client(simulator)))
    simulator.fault("openai", kind="too_many_requests")
    equal(raised(openai.RateLimitError, lambda: say(client(simulator))).response.headers["retry-after"], "20")


def broken_streams(simulator):
    made, heard = client(simulator), []
    stream = lambda: [heard.append(chunk) for chunk in say(made, stream=True)]
    simulator.fault("openai", kind="stream_error", after_events=2)
    error = raised(openai.APIError, stream)
    equal((error.type, len(heard)), ("server_error", 2))
    simulator.fault("openai", kind="hang_up", after_bytes=300)
    raised(openai.APIConnectionError, stream)
    simulator.fault("openai", kind="stall", after_bytes=300)
    raised(openai.APITimeoutError, lambda: list(say(made.with_options(timeout=0.5), stream=True)))
    simulator.fault("openai", kind="stream_error", after_events=3)
    # Here the SDK hands the error on as an event.
    events = list(made.responses.create(model="gpt-5.2", input="Hello there", stream=True))
    equal((len(events), events[-1].type, events[-1].code), (4, "error", "server_error"))


main(
    "openai",
    [
        models,
        chat,
        chat_stream,
        script,
        tools,
        responses,
        responses_stream,
        responses_tools,
        transcription,
        bad_requests,
        refusals,
        used_up,
        counted_down,
        retries,
        broken_streams,
    ],
)
