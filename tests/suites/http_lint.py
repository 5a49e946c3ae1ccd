"""REDbot looks at the HTTP of every GET: no mistake, no warning.

Asked for are all GETs of the OpenAPI document, as a guest and with a key, lists as pages too; the
pages beside the API with everything they load; and what is refused. REDbot sends requests of its
own to each: conditional ones, ranges, with and without compression.
"""

import json
import re
import subprocess
import urllib.error
import urllib.request
from urllib.parse import quote

import tools

# What REDbot warns of and is right as it is, with the reason.
EXCEPTED = {
    "VARY_COMPLEX": (
        "four fields, and each of them decides: the media type, the coding, who asks, and in `dev` the "
        "origin of the page; a cache that passed one over would hand out the wrong answer"
    ),
}

# Notes that only say which status came. It is held against the one that should come.
STATUS = "STATUS_"

# Beside the API; what a page loads is found in it.
PAGES = ["/", "/docs", "/problems", "/problems/not_found", "/healthz", "/readyz"]


def redbot(example, options):
    key = {"Authorization": f"Bearer {example.key()}"}
    cases = []

    def case(path, headers, expected):
        cases.append({"url": example.origin + path, "headers": headers, "expected": expected})

    for path in documented(example, key):
        case(path, key, [200])
        case(path, {}, [200, 401])
        case(path, {"Authorization": "Bearer nobody"}, [401])
        case(path, {**key, "Accept": "image/png"}, [406])
        case(path + "?unheard_of=1", key, [400])
    for path in PAGES + [f"{example.about.base.rstrip('/')}/openapi.{format}" for format in ["json", "yaml"]]:
        case(path, {}, [200])
    for path in sorted({asset for page in ["/", "/docs"] for asset in assets(example, page)}):
        case(path, {}, [200])
    case(f"{example.about.base.rstrip('/')}/nothing-here", {}, [404, 401])
    case("/problems/nothing_here", {}, [404])

    command = [tools.python() / "python", tools.HERE / "redbot_lint.py"]
    asked = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True)
    if asked.returncode:
        print(asked.stderr)
        return asked.returncode
    faults = 0
    for case, found in zip(cases, json.loads(asked.stdout), strict=True):
        said = [f"{note['level']} {note['note']}: {note['summary']}" for note in found["notes"]
                if note["note"] not in EXCEPTED and not note["note"].startswith(STATUS)]
        if found["status"] not in case["expected"]:
            said.append(f"answered {found['status']}, not {case['expected']}")
        if said:
            faults += 1
            print(f"{case['url'].removeprefix(example.origin)}  {describe(case['headers'])}")
            print("".join(f"    {line}\n" for line in said), end="")
    print(f"{len(cases)} GETs, {faults} with faults")
    return 1 if faults or not cases else 0


def describe(headers):
    return ", ".join(f"{name}: {re.sub(r'fdk_.*', '…', value)}" for name, value in headers.items()) or "as a guest"


def fetch(example, path, headers=()):
    request = urllib.request.Request(example.origin + path, headers=dict(headers))
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def assets(example, page):
    """What a page loads or leads to on the same server."""
    for target in re.findall(r'(?:src|href)="([^"#]+)"', fetch(example, page).decode()):
        if target.startswith("/"):
            yield target


def documented(example, key):
    """The path of every GET of the OpenAPI document, about records that are there."""
    document = json.loads(example.document().read_text())
    # A document's first server is a path or the whole address.
    prefix = re.sub(r"^https?://[^/]*", "", document.get("servers", [{"url": ""}])[0]["url"]).rstrip("/")
    for template, item in document["paths"].items():
        # Nobody lists operations, and there is none before a write goes on after its answer.
        if "get" in item and "/operations/" not in template:
            yield filled(example, prefix + template, key)


def filled(example, template, key):
    """The template with its parameters taken from the first record of the list they belong to."""
    done, record = "", None
    for segment in template.split("/")[1:]:
        name = re.fullmatch(r"\{(\w+)\}", segment)
        if not name:
            done, record = f"{done}/{segment}", None
            continue
        if record is None:
            records = json.loads(fetch(example, done, key))
            records = records if isinstance(records, list) else records["items"]
            if not records:
                raise SystemExit(f"{template}: {done} has no records")
            record = records[0]
        # In front of what belongs to a record its id is called after it: `book_id`.
        done += "/" + quote(str(record.get(name[1], record.get("id"))), safe="")
    return done
