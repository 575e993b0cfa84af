"""Holds a running Keyward against its own description, with Schemathesis.

usage: run.py SERVER SCHEMATHESIS

Starts the program SERVER with a simulator and databases of their own: once as a visitor on SQLite, then as a user on
SQLite and, where KEYWARD_TEST_POSTGRES names a server, on PostgreSQL. What takes the token of another program of the
operator's gets that one. An operation that never let the user in fails, too: its answers would have been refusals only.
The last line counts the operations that passed and failed; the status is 0 only when some passed and none failed.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMITS = [
    "LOGIN_PER_MINUTE",
    "REGISTER_PER_HOUR",
    "KEYS_PER_USER_PER_HOUR",
    "KEYS_PER_ADDRESS_PER_HOUR",
    "KEYS_PER_HOUR",
    "CHECKS_PER_USER_PER_HOUR",
]
SYSTEM_TOKEN = "system-token-of-32-characters-and-more"
METRICS_TOKEN = "metrics-token-of-32-characters-and-more"
# Requests for each operation that are made up at random. They come after those that follow from the schema and do not
# depend on this number: its examples, and every kind and border of each parameter, fitting and not. Bodies here are small
# and flat, so that those find most; the random ones are for what nobody thought of. As each run is the same, more of them
# find something at most once: whoever changes a parser may set 500 here for an hour. The tests spend their time, about
# three minutes, on two databases instead. A visitor is mostly turned away, so fewer tell as much.
EXAMPLES = {"visitor": 10, "user": 25}
# What goes from one operation to the next needs an account in good order, so a user's second run has a new one.
PHASES = {"visitor": ["examples,coverage,fuzzing"], "user": ["examples,coverage,fuzzing", "stateful"]}
# The first two end the session that all the other requests of a user need, and the answer to the last has no end. The
# visitor sends them, and so do tests/it.
NOT_AS_USER = ["log_out", "end_session", "follow_events"]
# What may refuse all the same: nobody tells the password, made-up bytes are no sound, what was begun has all its pages, and
# the keys of the voices and of saved searches are deleted before their turn comes. tests/it lets somebody into each of them.
MAY_REFUSE = [
    "change_password", "clone_voice", "resume_search", "resume_batch", "run_saved", "rename_voice", "delete_voice",
]
# How often an id is one of something that is there. Otherwise it is made up, or has the wrong shape.
THERE = 0.5
# Which ids those are. What deletes gets ids from what was made before, in the second run; a voice has one to spare.
IDS = {
    "searches": [
        "read_search", "cancel_search", "resume_search", "list_results", "download_results", "download_results_workbook",
        "download_results_json",
    ],
    "batches": [
        "read_batch", "cancel_batch", "resume_batch", "list_batch_results", "download_batch", "download_batch_workbook",
        "download_batch_json",
    ],
    "saved": ["read_saved", "rename_saved", "run_saved"],
    "calls": ["read_call", "hang_up_call", "list_recordings"],
    "voices": ["rename_voice", "preview_voice", "speak"],
    "spare_voices": ["delete_voice"],
    "channels": ["test_channel", "rotate_channel", "enable_channel", "list_messages"],
    "spare_channels": ["delete_channel"],
    "users": ["read_access_of_user"],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(method, url, body=None, token=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text.startswith(b"{") else text


@contextlib.contextmanager
def program(server, arguments, environment, log, ready):
    """The program while it runs, from the moment that `ready` answers."""
    with open(log, "wb") as output:
        # Nothing else of the caller's environment: settings and secrets of a real installation stay out.
        process = subprocess.Popen(
            [server, *arguments], cwd=ROOT, stdout=output, stderr=output, env={"PATH": os.environ["PATH"], **environment}
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                call("GET", ready)
                break
            except urllib.error.HTTPError as error:
                if not ready.endswith("/readyz"):
                    break
                reason = error
            except OSError as error:
                reason = error
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{ready} does not answer: {reason}\n{Path(log).read_text()[-4000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def database(engine, folder):
    """The URL of an empty database."""
    if engine == "sqlite":
        yield f"sqlite:{folder}/keyward.db"
        return
    maintenance = os.environ["KEYWARD_TEST_POSTGRES"]
    name = f"api_{uuid.uuid4().hex}"
    subprocess.run(["createdb", f"--maintenance-db={maintenance}", name], check=True)
    try:
        yield urlsplit(maintenance)._replace(path=f"/{name}").geturl()
    finally:
        subprocess.run(["dropdb", "--force", f"--maintenance-db={maintenance}", name], check=True)


def user(url, name, simulator, appoint):
    """The token of a new user with keys, whom `appoint` makes an operator, and the ids of what they have, so that there
    is something to find."""
    # Not the password of the description's examples, which would end the session by changing it.
    account = {"email": f"{name}@example.org", "password": "battery staple horse"}
    call("POST", f"{url}/api/auth/register", account)
    appoint(account["email"])
    token = call("POST", f"{url}/api/auth/login", {**account, "token": True})["token"]

    def make(path, body):
        return call("POST", f"{url}/api{path}", body, token)["id"]

    keys = call("GET", f"{simulator}/_control/keys")["items"]
    for provider, id in [("serpapi", "plenty"), ("elevenlabs", "plenty"), ("twilio", "full")]:
        fields = next(key["fields"] for key in keys if key["provider"] == provider and key["id"] == id)
        call("POST", f"{url}/api/user-api-keys/store", {"provider": provider, "credentials": fields}, token)
    scraper = "/services/data-scraper"
    search = {"query": "bakery", "place": "Berlin"}
    ids = {
        "users": [call("GET", f"{url}/api/auth/me", token=token)["id"]],
        "searches": [make(f"{scraper}/searches", search) for _ in range(2)],
        "batches": [make(f"{scraper}/batches", {"queries": ["few cakes"], "place": "Berlin"})],
        "saved": [make(f"{scraper}/saved-searches", {"name": "cakes", "search": search})],
    }
    order = {"to": "+12125550188", "from": "+12025550142", "message": "Your order is ready.", "record": True}
    ids["calls"] = [make("/services/calling/calls", order)]
    # The simulator stands in for a receiver, too: it answers at once, whatever it makes of it.
    channel = {"kind": "webhook", "address": f"{simulator}/notices"}
    ids["channels"], ids["spare_channels"] = ([make("/notifications/channels", channel)] for _ in range(2))
    # An earlier run may have deleted what the account had of its own.
    voices = call("GET", f"{url}/api/services/voice-cloning/voices", token=token)["items"]
    voices.sort(key=lambda voice: not voice["own"])
    known = [voice["id"] for voice in voices]
    ids["voices"], ids["spare_voices"] = known[1:3], known[:1]
    return token, ids


def lists(ids):
    """The ids, and where they belong, as settings of Schemathesis."""
    lines = []
    for kind, operations in IDS.items():
        parameter = "path.user_id" if kind == "users" else "path.id"
        lines += [
            f"[dictionaries.{kind}]",
            f"values = {json.dumps(ids[kind])}",
            "[[operations]]",
            f"include-operation-id = {json.dumps(operations)}",
            f'parameters = {{ "{parameter}" = {{ dictionary = "{kind}", probability = {THERE} }} }}',
        ]
    return "\n".join(lines)


def never_let_in(url):
    """The operations for users that answered nothing but refusals, by the server's own counters."""
    counters = call("GET", f"{url}/metrics", token=METRICS_TOKEN).decode()
    pattern = r'keyward_http_request_duration_seconds_count\{method="(\w+)",route="([^"]+)",status="[23]xx"\}'
    answered = {(method.lower(), route) for method, route in re.findall(pattern, counters)}
    paths = call("GET", f"{url}/api/openapi.json")["paths"]
    operations = [(method, path, one) for path, item in paths.items() for method, one in item.items() if method != "parameters"]
    asked = [one for one in operations if one[2]["operationId"] not in NOT_AS_USER + MAY_REFUSE]
    return [one["operationId"] for method, path, one in asked if (method, path) not in answered]


def test(schemathesis, url, who, phases, folder, simulator, appoint):
    """Runs it; how many operations passed and failed, phase by phase."""
    config = (HERE / "schemathesis.toml").read_text()
    command = [schemathesis, "--config-file", f"{folder}/schemathesis.toml", "run", f"{url}/api/openapi.json"]
    command += [f"--url={url}", "--checks=all", f"--max-examples={EXAMPLES[who]}", f"--phases={phases}", "--no-color"]
    if who == "user":
        token, ids = user(url, Path(folder).name, simulator, appoint)
        for scheme, bearer in [("login_token", token), ("system", SYSTEM_TOKEN), ("metrics", METRICS_TOKEN)]:
            config += f'\n[auth.openapi.{scheme}]\nbearer = "{bearer}"\n'
        config += lists(ids)
        command += [f"--exclude-operation-id={operation}" for operation in NOT_AS_USER]
    report = f"{folder}/report.xml"
    command += ["--report=junit", f"--report-junit-path={report}"]
    Path(folder, "schemathesis.toml").write_text(config)
    status = subprocess.run(command, cwd=folder).returncode
    suites = ElementTree.parse(report).getroot().iter("testsuite") if os.path.exists(report) else []
    total = failed = 0
    for suite in suites:
        total += int(suite.get("tests", 0)) - int(suite.get("skipped", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return total - failed, max(failed, 0 if status == 0 else 1)


def main():
    server, schemathesis = sys.argv[1:]
    runs = [("visitor", "sqlite"), ("user", "sqlite")]
    if os.environ.get("KEYWARD_TEST_POSTGRES"):
        runs.append(("user", "postgres"))
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="keyward-api-") as folder, contextlib.ExitStack() as stack:
        simulator = f"http://127.0.0.1:{free_port()}"
        arguments = ["simulate", "--addr", simulator.removeprefix("http://")]
        stack.enter_context(program(server, arguments, {}, f"{folder}/simulator.log", f"{simulator}/"))
        for who, engine in runs:
            print(f"==> Schemathesis as a {who}, on {engine}", flush=True)
            own = Path(folder, f"{who}-{engine}")
            own.mkdir(mode=0o700)
            url = f"http://127.0.0.1:{free_port()}"
            with database(engine, own) as address:
                environment = {f"KEYWARD_LIMIT_{limit}": "100000000" for limit in LIMITS}
                environment |= {
                    "KEYWARD_NOTIFY_ORIGINS": simulator,
                    "DATABASE_URL": address,
                    "KEYWARD_DATA_DIR": str(own / "data"),
                    "LEPTOS_SITE_ADDR": url.removeprefix("http://"),
                    "PUBLIC_URL": url,
                    "SYSTEM_API_TOKEN": SYSTEM_TOKEN,
                    "METRICS_TOKEN": METRICS_TOKEN,
                }
                for provider in ["serpapi", "twilio", "elevenlabs", "openai", "anthropic", "google_ai"]:
                    environment[f"KEYWARD_{provider.upper()}_BASE_URL"] = f"{simulator}/{provider}"

                def appoint(email):
                    settings = {"PATH": os.environ["PATH"], **environment}
                    subprocess.run([server, "user", "operator", email], cwd=ROOT, env=settings, check=True)

                with program(server, ["serve"], environment, own / "server.log", f"{url}/readyz"):
                    for number, phases in enumerate(PHASES[who]):
                        run = own / f"run-{number}"
                        run.mkdir()
                        good, bad = test(schemathesis, url, who, phases, str(run), simulator, appoint)
                        passed, failed = passed + good, failed + bad
                    refused = never_let_in(url) if who == "user" else []
                    if refused:
                        print("Refused whatever was sent:", *refused)
                        failed += len(refused)
                log = (own / "server.log").read_text()
                if "panicked" in log:
                    print("The server panicked:", *[line for line in log.splitlines() if "panicked" in line], sep="\n")
                    failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()
