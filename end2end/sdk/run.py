"""Lets the providers' own SDKs talk to the simulator of the built program; see README.md.

usage: run.py SERVER SDKS [WORD...]

SERVER is the program, SDKS the folder with the two Python environments `current` and `legacy`. Every script, or each
whose name contains a WORD, has a simulator of its own. The last line counts the checks that passed and failed; the
status is 0 only when some passed and none failed.
"""

import contextlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Seconds until a script is given up.
PATIENCE = 300
AT_A_TIME = 3


@contextlib.contextmanager
def simulator(server):
    """The address of a new simulator."""
    command = [server, "simulate", "--addr", "127.0.0.1:0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        if not address:
            raise RuntimeError(f"the simulator does not start: {line}")
        yield address.group()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scripts(sdks):
    """Each script with the program that runs it."""
    current, legacy = (str(Path(sdks, name, "bin", "python")) for name in ("current", "legacy"))
    runners = {"*_client.py": current, "*_legacy.py": legacy, "*_client.mjs": shutil.which("node") or "node"}
    return sorted((path, runner) for pattern, runner in runners.items() for path in HERE.glob(pattern))


def run(server, script, runner):
    """Runs one script; what it said, and how many of its checks passed and failed."""
    try:
        with simulator(server) as address:
            done = subprocess.run(
                [runner, script, address], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE
            )
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
        return f"{said.decode(errors='replace')}{script.name}: not done after {PATIENCE} s", 0, 1
    except (OSError, RuntimeError) as error:
        return f"{script.name}: {error}", 0, 1
    counted = re.search(r"^.+: (\d+) of (\d+) checks passed$", done.stdout, re.MULTILINE)
    if not counted:
        return f"{done.stdout}{script.name}: ended with status {done.returncode} before its end", 0, 1
    passed, total = int(counted[1]), int(counted[2])
    return done.stdout.rstrip(), passed, max(total - passed, 0 if done.returncode == 0 else 1)


def main():
    server, sdks, *words = sys.argv[1:]
    chosen = [
        (path, runner)
        for path, runner in scripts(sdks)
        if not words or any(word in path.name for word in words)
    ]
    passed = failed = 0
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for said, good, bad in pool.map(lambda script: run(server, *script), chosen):
            print(said, flush=True)
            passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()
