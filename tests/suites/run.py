#!/usr/bin/env python3
"""Third-party suites and clients against every example.

For each folder of examples/, `frontdesk dev` serves a copy with data of its own. A fuzzer attacks
the API its OpenAPI document describes, two linters read the document, a third looks at the HTTP,
and real clients use it as their users would. Installs what it needs into .tools/. Exits with 1 if
anything is found.

    tests/suites/run.py [--example NAME] [--only SUITE] [--examples N] [--seed N]
    scripts/with-postgres tests/suites/run.py --postgres …
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import clients
import examples
import http_lint
import openapi_fuzz
import openapi_lint

# The name of each, and whether it is served without the contract's limits.
SUITES = {
    "schemathesis": (openapi_fuzz.schemathesis, True),
    "redbot": (http_lint.redbot, True),
    "spectral": (openapi_lint.spectral, False),
    "redocly": (openapi_lint.redocly, False),
    "clients": (clients.clients, False),
}


def run(name, suite, options, server):
    """Whether the suite finds nothing. Each begins with the example as it is shipped."""
    ask, loosened = SUITES[suite]
    print(f"\n== {name}: {suite}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="frontdesk-suites-") as scratch:
        with examples.Served(name, Path(scratch), loosened, server) as example:
            clean = ask(example, options) == 0
    print(f"{name}: {suite} {'passed' if clean else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return clean


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--example", choices=examples.names(), action="append")
    parser.add_argument("--only", choices=SUITES, action="append")
    parser.add_argument("--examples", type=int, default=15, help="of schemathesis, for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="serve from FRONTDESK_TEST_DATABASE")
    options = parser.parse_args()
    server = examples.Server() if options.postgres else None
    runs = [(name, suite) for name in options.example or examples.names() for suite in options.only or SUITES]
    failed = [f"{name}: {suite}" for name, suite in runs if not run(name, suite, options, server)]
    if failed:
        print("\nfailed: " + ", ".join(failed))
    print(f"\nsuites: {len(runs) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
