"""REDbot on a list of GETs, in one process: reads them from standard input, writes what it found.

Its own command takes one URL and no header fields. This uses the library as that command does, and
sends what the case says. Input and output are JSON; run by `http_lint.py` with the Python that has
REDbot installed.
"""

import json
import sys
from configparser import ConfigParser

import thor
from redbot.resource import HttpResource

# The levels that are somebody's mistake; the others are remarks.
FAULTS = {"BAD", "WARN"}


def check(config, cases, found):
    """One case after the other: a loop that is stopped in between loses its idle connections."""
    if len(found) == len(cases):
        thor.stop()
        return
    case = cases[len(found)]
    resource = HttpResource(config)
    resource.set_request(case["url"], headers=list(case["headers"].items()))

    @thor.events.on(resource)
    def check_done():
        found.append(outcome(resource))
        # Not from within the resource that is just ending.
        thor.schedule(0, check, config, cases, found)

    resource.check()


def outcome(resource):
    if not resource.response.complete:
        why = repr(resource.fetch_error)
        return {"status": None, "notes": [note("NO_ANSWER", "BAD", why)]}
    notes = [one for each in resource.response.notes for one in flat(each)]
    return {
        "status": int(resource.response.status_code),
        "notes": [one for one in notes if one["level"] in FAULTS],
    }


def flat(each):
    yield note(type(each).__name__, each.level.name, each.summary)
    for inner in each.subnotes:
        yield from flat(inner)


def note(name, level, summary):
    return {"note": name, "level": level, "summary": summary}


def main():
    parser = ConfigParser()
    parser.read_dict({"redbot": {"enable_local_access": "True"}})
    cases = json.load(sys.stdin)
    found = []
    thor.schedule(0, check, parser["redbot"], cases, found)
    thor.run()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
