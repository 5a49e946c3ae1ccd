"""The examples: what the suites must know of each, and the real binary serving it."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tools import EXAMPLES, FRONTDESK


@dataclass
class Description:
    """What cannot be read off an example."""

    # Of the key that the suites use: everything that is not an operator's.
    scopes: list
    # Whose key it is: somebody who has records to look at.
    user: str = "suites"
    # Where it lives.
    base: str = "/v1"
    # Keys for its clients beside the suites' own: the environment variable, and what follows
    # `frontdesk key create NAME`.
    keys: dict = field(default_factory=dict)
    # Limits are for callers who behave; a fuzzer would see nothing but 429. What stands in the
    # contract, and what the fuzzer is served instead.
    loosened: dict = field(default_factory=dict)


DESCRIPTIONS = {
    "bookstore": Description(scopes=["books.read", "books.write", "reviews.read", "reviews.write"]),
    "charges": Description(
        scopes=["charges.read", "charges.write"],
        user="books",
        keys={
            "API_KEY_BOOKS": ["--user", "books", "--scope", "charges.read", "--scope", "charges.write"],
            "API_KEY_FLOWERS": ["--user", "flowers", "--scope", "charges.read", "--scope", "charges.write"],
            "API_KEY_BUSY": ["--user", "busy", "--scope", "charges.read"],
        },
        loosened={"allow: 100/minute": "allow: 1000000/second"},
    ),
    "tracker": Description(
        scopes=["repos.read", "repos.write"],
        user="ann",
        base="/",
        keys={
            "API_KEY_ANN": ["--user", "ann", "--scope", "repos.read", "--scope", "repos.write"],
            "API_KEY_BOB": ["--user", "bob", "--scope", "repos.read", "--scope", "repos.write"],
        },
        loosened={
            "allow: 60/hour": "allow: 1000000/second",
            "allow: 5000/hour": "allow: 1000000/second",
        },
    ),
}


def names():
    """Every example; one that is not described is a mistake, not left out."""
    found = sorted(path.parent.name for path in EXAMPLES.glob("*/frontdesk.yaml"))
    if unknown := set(found) - set(DESCRIPTIONS):
        sys.exit(f"tests/suites/examples.py does not describe {', '.join(sorted(unknown))}")
    return found


class Server:
    """A PostgreSQL server, as scripts/with-postgres gives one."""

    numbers = itertools.count(1)

    def __init__(self):
        self.url = os.environ.get("FRONTDESK_TEST_DATABASE")
        if not self.url:
            sys.exit("FRONTDESK_TEST_DATABASE names no server; scripts/with-postgres sets it")

    def fresh(self):
        """The URL of a database of its own."""
        name = f"suites_{os.getpid()}_{next(Server.numbers)}"
        subprocess.run(["createdb", f"--maintenance-db={self.url}", name], check=True)
        return f"{self.url.rsplit('/', 1)[0]}/{name}"


class Served:
    """A copy of an example with data of its own, served by `frontdesk dev`."""

    def __init__(self, name, scratch, loosened=False, server=None):
        self.name = name
        self.about = DESCRIPTIONS[name]
        self.scratch = Path(scratch)
        self.folder = self.scratch / name
        shutil.copytree(EXAMPLES / name, self.folder, ignore=shutil.ignore_patterns(".frontdesk"))
        if loosened:
            self.loosen()
        self.storage = ["--data", self.scratch / "data"]
        if server:
            self.storage += ["--database", server.fresh()]
        self.log = open(self.scratch / "server.log", "w+")
        self.process = subprocess.Popen(
            [FRONTDESK, "dev", self.folder, "--listen", "127.0.0.1:0", *self.storage],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.origin = None
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.origin = found[0]
                break
        if not self.origin:
            sys.exit(f"{name} did not start:\n{self.errors()}")
        # Nobody reads the rest; it must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.drain.wait(timeout=60)
        if code:
            sys.exit(f"{self.name} ended with {code}:\n{self.errors()[-4000:]}")

    def loosen(self):
        path = self.folder / "frontdesk.yaml"
        text = path.read_text()
        for tight, loose in self.about.loosened.items():
            if tight not in text:
                sys.exit(f"examples/{self.name} does not say `{tight}`")
            text = text.replace(tight, loose)
        path.write_text(text)

    @property
    def api(self):
        """Where the API begins, without a slash at the end."""
        return self.origin + self.about.base.rstrip("/")

    def document(self, format="json"):
        """The OpenAPI document, in a file."""
        path = self.scratch / f"openapi.{format}"
        path.write_bytes(urllib.request.urlopen(f"{self.api}/openapi.{format}").read())
        return path

    def key(self):
        """One with every scope of the contract."""
        scopes = [word for scope in self.about.scopes for word in ["--scope", scope]]
        return self.make_key("suites", ["--user", self.about.user, *scopes])

    def make_key(self, name, arguments):
        command = [FRONTDESK, "key", "create", name, "--json", "--dir", self.folder, *self.storage]
        out = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True).stdout
        return json.loads(out)["key"]

    def errors(self):
        self.log.seek(0)
        return self.log.read()
