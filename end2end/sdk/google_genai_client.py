"""The simulator against `google-genai`, Google's SDK for the Gemini API."""

import httpx2
from google import genai
from google.genai import errors, types

from simulator import equal, main, raised

# A connection that ends early is reset or closed, as the network has it.
HUNG_UP = (httpx2.NetworkError, httpx2.RemoteProtocolError)

MODEL = "gemini-3.8-flash"
BOOK = types.FunctionDeclaration(
    name="book", description="Books a table.", parameters={"type": "OBJECT", "properties": {"seats": {"type": "INTEGER"}}}
)
NO_LOOP = types.AutomaticFunctionCallingConfig(disable=True)


def client(simulator, key="plenty", **options):
    """A client for the test key `key`."""
    options = {"base_url": f"{simulator.base}/google_ai", "timeout": 10_000, **options}
    return genai.Client(api_key=simulator.keys["google_ai", key]["api_key"], http_options=types.HttpOptions(**options))


def requests(simulator):
    """The statuses of the requests so far."""
    return [line["status"] for line in simulator.control("GET", "/journal")["items"]]


def models(simulator):
    made = client(simulator)
    found = list(made.models.list(config={"page_size": 1}))
    equal([model.name for model in found], ["models/gemini-3.8-flash", "models/gemini-3.8-pro", "models/gemini-embedding-001"])
    equal(len(requests(simulator)), 3)
    one = made.models.get(model=MODEL)
    equal((one.display_name, one.input_token_limit), ("Gemini 3.8 Flash", 1_048_576))
    equal(raised(errors.ClientError, lambda: made.models.get(model="gemini-0")).code, 404)


def content(simulator):
    made = client(simulator)
    answer = made.models.generate_content(model=MODEL, contents="Hello there", config={"system_instruction": "Be kind"})
    equal((answer.text, answer.candidates[0].finish_reason), ("You said: Hello there", types.FinishReason.STOP))
    usage = answer.usage_metadata
    equal((usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count), (4, 4, 8))
    cut = made.models.generate_content(model=MODEL, contents="Hello there", config={"max_output_tokens": 3})
    equal((cut.text, cut.candidates[0].finish_reason), ("You said: Hello ", types.FinishReason.MAX_TOKENS))
    simulator.control("POST", "/replies", {"text": "No.", "refuse": True})
    blocked = made.models.generate_content(model=MODEL, contents="Hello there")
    equal((blocked.candidates, blocked.prompt_feedback.block_reason), (None, types.BlockedReason.PROHIBITED_CONTENT))


def both_versions(simulator):
    for version in ["v1", "v1beta"]:
        made = client(simulator, api_version=version)
        equal(made.models.generate_content(model=MODEL, contents="Hi").text, "You said: Hi")


def stream(simulator):
    made = client(simulator)
    pieces = list(made.models.generate_content_stream(model=MODEL, contents="Hello there"))
    equal("".join(piece.text for piece in pieces), "You said: Hello there")
    reasons = [piece.candidates[0].finish_reason for piece in pieces]
    equal(reasons, [None, None, None, types.FinishReason.STOP])
    equal(pieces[-1].usage_metadata.total_token_count, 6)


def tools(simulator):
    simulator.control("POST", "/replies", {"to": "table", "call": {"name": "book", "arguments": {"seats": 4}}})
    made = client(simulator)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[BOOK])], automatic_function_calling=NO_LOOP
    )
    answer = made.models.generate_content(model=MODEL, contents="A table for four", config=config)
    call = answer.function_calls[0]
    equal((call.name, call.args), ("book", {"seats": 4}))
    result = types.Part.from_function_response(name="book", response={"result": "Done."})
    history = [
        types.Content(role="user", parts=[types.Part(text="A table for four")]),
        answer.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    again = made.models.generate_content(model=MODEL, contents=history, config=config)
    equal(again.text, 'The tool answered: {"result":"Done."}')
    pieces = list(made.models.generate_content_stream(model=MODEL, contents="A table for four", config=config))
    equal(pieces[-1].function_calls[0].args, {"seats": 4})


def counting(simulator):
    made = client(simulator)
    equal(made.models.count_tokens(model=MODEL, contents="Hello there").total_tokens, 2)
    simulator.control("PUT", "/keys/google_ai/plenty", {"tokens_left": 0})
    equal(made.models.count_tokens(model=MODEL, contents="Hello there").total_tokens, 2)


def refusals(simulator):
    for key, kind, code, status in [
        ("invalid", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("wrong_kind", errors.ClientError, 401, "UNAUTHENTICATED"),
        ("reported_leaked", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("restricted", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("throttled", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("exhausted", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("down", errors.ServerError, 503, "UNAVAILABLE"),
    ]:
        made = client(simulator, key)
        for call in [
            lambda: list(made.models.list()),
            lambda: made.models.generate_content(model=MODEL, contents="Hello"),
            lambda: list(made.models.generate_content_stream(model=MODEL, contents="Hello")),
        ]:
            error = raised(kind, call)
            equal((key, error.code, error.status), (key, code, status))
    made = client(simulator)
    for model in ["gemini-0", "gemini-embedding-001"]:
        error = raised(errors.ClientError, lambda: made.models.generate_content(model=model, contents="Hello"))
        equal((error.code, error.status), (404, "NOT_FOUND"))


def used_up(simulator):
    simulator.control("PUT", "/keys/google_ai/plenty", {"tokens_left": 6})
    made = client(simulator)
    ask = lambda: made.models.generate_content(model=MODEL, contents="Hello there")
    ask()
    error = raised(errors.ClientError, ask)
    quota = error.details["error"]["details"][0]["violations"][0]["quotaId"]
    equal((error.code, "PerDay" in quota), (429, True))
    assert list(made.models.list())


def retries(simulator):
    simulator.control("POST", "/faults", {"provider": "google_ai", "times": 2, "fault": {"kind": "status", "status": 503}})
    again = types.HttpRetryOptions(attempts=3, initial_delay=0.1, jitter=0.1)
    made = client(simulator, retry_options=again)
    equal(made.models.generate_content(model=MODEL, contents="Hi").text, "You said: Hi")
    equal(requests(simulator), [503, 503, 200])
    simulator.fault("google_ai", kind="hang_up")
    # The SDK passes on the error of its transport.
    once = client(simulator)
    raised(HUNG_UP, lambda: once.models.generate_content(model=MODEL, contents="Hi"))


def broken_streams(simulator):
    made, heard = client(simulator), []
    read = lambda: [
        heard.append(piece) for piece in made.models.generate_content_stream(model=MODEL, contents="Hello there")
    ]
    simulator.fault("google_ai", kind="stream_error", after_events=2)
    error = raised(errors.ServerError, read)
    equal((error.code, len(heard)), (503, 2))
    simulator.fault("google_ai", kind="hang_up", after_bytes=300)
    raised(HUNG_UP, read)


main(
    "google-genai",
    [
        models,
        content,
        both_versions,
        stream,
        tools,
        counting,
        refusals,
        used_up,
        retries,
        broken_streams,
    ],
)
