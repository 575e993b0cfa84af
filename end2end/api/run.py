"""Holds a running Keyward against its own description, with Schemathesis.

usage: run.py SERVER SCHEMATHESIS

Starts the program SERVER with a simulator and databases of their own: once as a visitor on SQLite, then as a user on
SQLite and, where KEYWARD_TEST_POSTGRES names a server, on PostgreSQL. The last line counts the operations that passed
and failed; the status is 0 only when some passed and none failed.
"""

import contextlib
import json
import os
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
# Requests for each operation. A visitor is mostly turned away, so fewer tell as much.
EXAMPLES = {"visitor": 10, "user": 25}
# What goes from one operation to the next needs an account in good order, so a user's second run has a new one.
PHASES = {"visitor": ["examples,coverage,fuzzing"], "user": ["examples,coverage,fuzzing", "stateful"]}
# The first two end the session that all the other requests of a user need, and the answer to the last has no end. The
# visitor sends them, and so do tests/it.
NOT_AS_USER = ["log_out", "end_session", "follow_events"]


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


def user(url, name, simulator):
    """The token of a new user with keys and a search, so that there is something to find."""
    # Not the password of the description's examples, which would end the session by changing it.
    account = {"email": f"{name}@example.org", "password": "battery staple horse"}
    call("POST", f"{url}/api/auth/register", account)
    token = call("POST", f"{url}/api/auth/login", {**account, "token": True})["token"]
    description = call("GET", f"{url}/api/openapi.json")
    body = description["paths"]["/api/user-api-keys/store"]["post"]["requestBody"]
    call("POST", f"{url}/api/user-api-keys/store", body["content"]["application/json"]["example"], token)
    keys = call("GET", f"{simulator}/_control/keys")["items"]
    voices = next(key for key in keys if key["provider"] == "elevenlabs" and key["id"] == "plenty")
    key = {"provider": "elevenlabs", "credentials": voices["fields"]}
    call("POST", f"{url}/api/user-api-keys/store", key, token)
    search = {"query": "bakery", "place": "Berlin"}
    call("POST", f"{url}/api/services/data-scraper/searches", search, token)
    return token


def test(schemathesis, url, who, phases, folder, simulator):
    """Runs it; how many operations passed and failed, phase by phase."""
    config = (HERE / "schemathesis.toml").read_text()
    command = [schemathesis, "--config-file", f"{folder}/schemathesis.toml", "run", f"{url}/api/openapi.json"]
    command += [f"--url={url}", "--checks=all", f"--max-examples={EXAMPLES[who]}", f"--phases={phases}", "--no-color"]
    if who == "user":
        config += f'\n[auth.openapi.login_token]\nbearer = "{user(url, Path(folder).name, simulator)}"\n'
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
                    "DATABASE_URL": address,
                    "KEYWARD_DATA_DIR": str(own / "data"),
                    "LEPTOS_SITE_ADDR": url.removeprefix("http://"),
                    "PUBLIC_URL": url,
                }
                for provider in ["serpapi", "twilio", "elevenlabs", "openai", "anthropic", "google_ai"]:
                    environment[f"KEYWARD_{provider.upper()}_BASE_URL"] = f"{simulator}/{provider}"
                with program(server, ["serve"], environment, own / "server.log", f"{url}/readyz"):
                    for number, phases in enumerate(PHASES[who]):
                        run = own / f"run-{number}"
                        run.mkdir()
                        good, bad = test(schemathesis, url, who, phases, str(run), simulator)
                        passed, failed = passed + good, failed + bad
                log = (own / "server.log").read_text()
                if "panicked" in log:
                    print("The server panicked:", *[line for line in log.splitlines() if "panicked" in line], sep="\n")
                    failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()
