"""The simulator's control API, and how a script reports."""

import json
import sys
import time
import urllib.request


class Simulator:
    """The simulator at `base`, reset."""

    def __init__(self, base):
        self.base = base
        self.control("POST", "/reset")
        self.keys = {(key["provider"], key["id"]): key["fields"] for key in self.control("GET", "/keys")["items"]}

    def control(self, method, path, body=None):
        """A control call with a JSON body; returns the JSON answer, if any."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.base}/_control{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def fault(self, provider, **fault):
        """Lets the next request to `provider` go wrong."""
        self.control("POST", "/faults", {"provider": provider, "fault": fault})


def main(name, checks):
    """Runs every check with a fresh simulator at the address on the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} SIMULATOR_URL")
    failed = 0
    for check in checks:
        try:
            check(Simulator(sys.argv[1]))
        except Exception as error:  # A failing check must not hide the others.
            failed += 1
            print(f"FAILED {name}: {check.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"{name}: {len(checks) - failed} of {len(checks)} checks passed")
    sys.exit(1 if failed else 0)


def equal(actual, expected):
    """Fails with both values when they differ."""
    if actual != expected:
        raise AssertionError(f"{actual!r} is not {expected!r}")


def raised(kind, call):
    """The error of class `kind` that `call` must raise."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind}")


def eventually(ask, seconds=10):
    """Asks again until `ask` answers something, for at most `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"still nothing after {seconds} s")
        time.sleep(0.025)
