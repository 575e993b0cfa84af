"""The simulator against `anthropic`, Anthropic's SDK."""

import anthropic
import httpx2

from simulator import equal, main, raised

# A connection that ends early is reset or closed, as the network has it.
HUNG_UP = (httpx2.NetworkError, httpx2.RemoteProtocolError)

MODEL = "claude-haiku-4-5"
TOOL = {
    "name": "book",
    "description": "Books a table.",
    "input_schema": {"type": "object", "properties": {"seats": {"type": "integer"}}},
}


def client(simulator, key="plenty", max_retries=0, **more):
    """A client for the test key `key`, which it sends as a bearer token."""
    return anthropic.Anthropic(
        api_key=simulator.keys["anthropic", key]["api_key"],
        base_url=f"{simulator.base}/anthropic",
        max_retries=max_retries,
        timeout=10,
        **more,
    )


def asked(text, **more):
    """The parameters of a message."""
    return {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


def say(made, text="Hello there", **more):
    """A message."""
    return made.messages.create(**asked(text, **more))


def requests(simulator):
    """The statuses of the requests so far."""
    return [line["status"] for line in simulator.control("GET", "/journal")["items"]]


def models(simulator):
    made = client(simulator)
    found = list(made.models.list(limit=2))
    equal([model.id for model in found], ["claude-opus-5-5", "claude-sonnet-5-5", MODEL])
    equal(len(requests(simulator)), 2)
    page = made.models.list(limit=1, before_id=MODEL)
    equal(([model.id for model in page.data], page.has_more), (["claude-sonnet-5-5"], True))
    one = made.models.retrieve(MODEL)
    equal((one.display_name, one.lifecycle, one.max_input_tokens), ("Claude Haiku 4.5", "active", 200_000))
    equal(raised(anthropic.NotFoundError, lambda: made.models.retrieve("claude-0")).type, "not_found_error")


def messages(simulator):
    answer = say(client(simulator), system="Be kind")
    equal((answer.content[0].text, answer.stop_reason), ("You said: Hello there", "end_turn"))
    equal((answer.usage.input_tokens, answer.usage.output_tokens), (4, 4))
    assert answer.id.startswith("msg_") and answer._request_id.startswith("req_")
    cut = say(client(simulator), max_tokens=3)
    equal((cut.content[0].text, cut.stop_reason), ("You said: Hello ", "max_tokens"))
    stopped = say(client(simulator), stop_sequences=["Hello"])
    equal((stopped.content[0].text, stopped.stop_reason, stopped.stop_sequence), ("You said: ", "stop_sequence", "Hello"))
    simulator.control("POST", "/replies", {"text": "No.", "refuse": True})
    equal(say(client(simulator)).stop_reason, "refusal")


def stream(simulator):
    events = list(say(client(simulator), stream=True))
    kinds = [event.type for event in events]
    equal(kinds[:2] + kinds[-3:], ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"])
    deltas = [event.delta.text for event in events if event.type == "content_block_delta"]
    equal("".join(deltas), "You said: Hello there")
    equal((events[0].message.usage.input_tokens, events[-2].usage.output_tokens), (2, 4))
    with client(simulator).messages.stream(**asked("Hello there")) as helper:
        equal("".join(helper.text_stream), "You said: Hello there")
        equal(helper.get_final_message().stop_reason, "end_turn")


def tools(simulator):
    simulator.control("POST", "/replies", {"to": "table", "text": "One moment.", "call": {"name": "book", "arguments": {"seats": 4}}})
    made = client(simulator)
    answer = say(made, "A table for four", tools=[TOOL])
    text, call = answer.content
    equal((answer.stop_reason, text.text, call.name, call.input), ("tool_use", "One moment.", "book", {"seats": 4}))
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "Done."}
    again = made.messages.create(
        model=MODEL,
        max_tokens=100,
        tools=[TOOL],
        messages=[
            {"role": "user", "content": "A table for four"},
            {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
            {"role": "user", "content": [result]},
        ],
    )
    equal(again.content[0].text, "The tool answered: Done.")
    with made.messages.stream(**asked("A table for four", tools=[TOOL])) as helper:
        equal(helper.get_final_message().content[1].input, {"seats": 4})


def counting(simulator):
    made = client(simulator)
    count = made.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Hello there"}])
    equal(count.input_tokens, 2)
    simulator.control("PUT", "/keys/anthropic/plenty", {"tokens_left": 0})
    ask = lambda: made.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "Hello there"}])
    assert "credit balance is too low" in str(raised(anthropic.BadRequestError, ask))


def versions(simulator):
    made = client(simulator)
    error = raised(anthropic.BadRequestError, lambda: say(made, extra_body={"temperature": 1}))
    assert "temperature" in str(error), error
    older = client(simulator, default_headers={"anthropic-version": "2023-06-01"})
    equal(say(older, extra_body={"temperature": 1}).stop_reason, "end_turn")
    equal(older.models.retrieve(MODEL).lifecycle, None)
    unknown = client(simulator, default_headers={"anthropic-version": "2020-01-01"})
    raised(anthropic.BadRequestError, lambda: say(unknown))


def refusals(simulator):
    for key, kind, text in [
        ("invalid", anthropic.AuthenticationError, "invalid x-api-key"),
        ("suspended", anthropic.BadRequestError, "has been disabled"),
        ("exhausted", anthropic.BadRequestError, "credit balance is too low"),
        ("throttled", anthropic.RateLimitError, "rate limit"),
        ("down", anthropic.OverloadedError if hasattr(anthropic, "OverloadedError") else anthropic.APIStatusError, "Overloaded"),
    ]:
        for call in [client(simulator, key).models.list, lambda: say(client(simulator, key))]:
            assert text in str(raised(kind, call)), key
    raised(anthropic.PermissionDeniedError, client(simulator, "restricted").models.list)
    raised(anthropic.NotFoundError, lambda: say(client(simulator), model="claude-0"))
    raised(anthropic.BadRequestError, lambda: say(client(simulator), max_tokens=0))
    assert raised(anthropic.AuthenticationError, client(simulator, "invalid").models.list).request_id.startswith("req_")


def used_up(simulator):
    simulator.control("PUT", "/keys/anthropic/plenty", {"tokens_left": 6})
    made = client(simulator, max_retries=2)
    say(made)
    assert "credit balance is too low" in str(raised(anthropic.BadRequestError, lambda: say(made)))
    equal(requests(simulator), [200, 400])
    assert list(made.models.list())


def counted_down(simulator):
    raw = client(simulator).messages.with_raw_response
    left = lambda: int(raw.create(**asked("Hello there")).headers["anthropic-ratelimit-requests-remaining"])
    first, second = left(), left()
    # A minute may have begun between the two.
    assert second in (first - 1, 499), (first, second)


def retries(simulator):
    simulator.control("POST", "/faults", {"provider": "anthropic", "times": 2, "fault": {"kind": "status", "status": 529}})
    equal(say(client(simulator, max_retries=2)).stop_reason, "end_turn")
    equal(requests(simulator), [529, 529, 200])
    simulator.fault("anthropic", kind="hang_up")
    raised(anthropic.APIConnectionError, lambda: say(client(simulator)))
    simulator.fault("anthropic", kind="too_many_requests")
    equal(raised(anthropic.RateLimitError, lambda: say(client(simulator))).response.headers["retry-after"], "20")


def broken_streams(simulator):
    made, heard = client(simulator), []
    read = lambda: [heard.append(event) for event in say(made, stream=True)]
    simulator.fault("anthropic", kind="stream_error", after_events=4)
    error = raised(anthropic.APIStatusError, read)
    # A ping is among the four, and the SDK keeps it to itself.
    equal((error.type, len(heard)), ("overloaded_error", 3))
    simulator.fault("anthropic", kind="hang_up", after_bytes=700)
    raised(HUNG_UP, read)
    simulator.fault("anthropic", kind="stall", after_bytes=700)
    error = raised(Exception, lambda: list(say(made.with_options(timeout=0.5), stream=True)))
    assert "Timeout" in type(error).__name__, error


main(
    "anthropic",
    [
        models,
        messages,
        stream,
        tools,
        counting,
        versions,
        refusals,
        used_up,
        counted_down,
        retries,
        broken_streams,
    ],
)
