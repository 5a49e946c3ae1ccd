#!/usr/bin/env python3
"""Third-party suites against the running bookstore.

Starts `frontdesk dev` on a copy of examples/bookstore with a database of its own, then lets
schemathesis attack the API its OpenAPI document describes, and two linters read the document.
Installs what it needs into .tools/. Exits with 1 if anything is found.

    tests/suites/run.py [--examples N] [--seed N] [--only schemathesis|spectral|redocly]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests/suites"
TOOLS = ROOT / ".tools"
FRONTDESK = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/frontdesk"


def same(a, b):
    return a.exists() and b.exists() and a.read_bytes() == b.read_bytes()


def install_python():
    folder, wanted = TOOLS / "python", HERE / "requirements.txt"
    stamp = folder / "requirements.txt"
    if not same(stamp, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "-r", wanted], check=True)
        shutil.copy(wanted, stamp)
    return folder / "bin"


def install_node():
    folder, wanted = TOOLS / "node", HERE / "package.json"
    done = folder / "installed.json"
    if not same(done, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True)
        shutil.copy(wanted, done)
    return folder / "node_modules/.bin"


class Bookstore:
    """The example, served by the real binary."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.folder = scratch / "bookstore"
        shutil.copytree(ROOT / "examples/bookstore", self.folder, ignore=shutil.ignore_patterns(".frontdesk"))
        self.data = scratch / "data"
        self.log = open(scratch / "server.log", "w+")
        self.process = subprocess.Popen(
            [FRONTDESK, "dev", self.folder, "--listen", "127.0.0.1:0", "--data", self.data],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.url = None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                break
        if not self.url:
            sys.exit(f"the server did not start:\n{self.errors()}")
        # Nobody reads the rest; it must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def key(self):
        scopes = ["books.read", "books.write", "reviews.read", "reviews.write"]
        command = [FRONTDESK, "key", "create", "suites", "--user", "suites", "--json"]
        command += ["--dir", self.folder, "--data", self.data]
        for scope in scopes:
            command += ["--scope", scope]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return json.loads(out)["key"]

    def errors(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.drain.wait(timeout=60)
        if code:
            sys.exit(f"the server ended with {code}:\n{self.errors()[-4000:]}")


def schemathesis(store, options):
    tools = install_python()
    key = store.key()
    # It keeps what it has learnt where it is started: beside copies, which go away with the rest.
    place = store.scratch / "schemathesis"
    place.mkdir()
    for name in ["schemathesis.toml", "schemathesis_hooks.py"]:
        shutil.copy(HERE / name, place)
    command = [
        tools / "st", "--config-file", place / "schemathesis.toml",
        "run", f"{store.url}/v1/openapi.json", "--checks", "all",
        "--max-examples", str(options.examples), "--seed", str(options.seed),
        "--header", f"Authorization: Bearer {key}",
        "--request-timeout", "20", "--no-color",
    ]
    return subprocess.run(command, cwd=place).returncode


def spectral(store, options):
    tools = install_node()
    document = store.folder / "openapi.json"
    document.write_bytes(urllib.request.urlopen(f"{store.url}/v1/openapi.json").read())
    command = [tools / "spectral", "lint", document, "--ruleset", HERE / "spectral.yaml", "--fail-severity", "warn"]
    return subprocess.run(command).returncode


def redocly(store, options):
    tools = install_node()
    document = store.folder / "openapi.yaml"
    document.write_bytes(urllib.request.urlopen(f"{store.url}/v1/openapi.yaml").read())
    command = [tools / "redocly", "lint", document, "--config", HERE / "redocly.yaml", "--max-problems", "50"]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(command, env=environment).returncode


SUITES = {"schemathesis": schemathesis, "spectral": spectral, "redocly": redocly}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SUITES, action="append")
    parser.add_argument("--examples", type=int, default=60, help="of schemathesis, for each operation")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="frontdesk-suites-") as scratch:
        store = Bookstore(Path(scratch))
        try:
            for name in options.only or SUITES:
                print(f"\n== {name}", flush=True)
                if SUITES[name](store, options):
                    failed.append(name)
        finally:
            store.stop()
    total = len(options.only or SUITES)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    print(f"\nsuites: {total - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
