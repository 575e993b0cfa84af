"""The simulator against `twilio`, Twilio's SDK."""

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from simulator import equal, main, raised


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


main(
    "twilio",
    [account, api_key, calls_page_by_page, numbers, balance, refusals, a_fault_and_then_none],
)
