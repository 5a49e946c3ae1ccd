"""What a schema cannot say about valid requests, for Schemathesis, and a check of its own.

A cursor is only good if this server has issued it, and for the list that it is used with. A made-up
one is well-formed and rightly refused, which a fuzzer takes for a broken promise; so it is left out
of the requests that are meant to be accepted.

A rehearsal (`dry_run`) creates nothing that could be looked at afterwards, and what goes on after its
request (`respond-async`) may not be there yet; so links are not followed from either.

A 201 has a body or, with `return=minimal`, none. OpenAPI has no words for that, so it is not asked
for where something is created.

An idempotency key is new for each write; the same one with another body is rightly refused.

What a natural key puts into the path of a PUT, its body says too; a schema cannot say that they agree.
"""

import uuid

import schemathesis
from schemathesis import GenerationMode

# What HTTP itself, and the browser's rules, put on any answer. No document declares them.
OF_HTTP = {
    "content-type", "content-length", "content-encoding", "transfer-encoding", "date", "connection",
    "keep-alive", "x-content-type-options", "access-control-allow-origin", "access-control-expose-headers",
}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    headers = case.headers or {}
    creates = "201" in case.operation.responses.status_codes
    if "Prefer" in headers and (case.meta.phase.name == "stateful" or (creates and "return" in headers["Prefer"])):
        headers["Prefer"] = "handling=strict"
    if case.query:
        case.query.pop("cursor", None)
        case.query.pop("dry_run", None)
    if isinstance(case.body, dict):
        case.body.pop("cursor", None)
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid.uuid4())
    if case.method == "PUT" and isinstance(case.body, dict):
        said = {name: case.path_parameters[name] for name in case.path_parameters if name in case.body}
        case.body = {**case.body, **said}


@schemathesis.check
def declared_headers(ctx, response, case):
    """Every header field of an answer is in the document."""
    answer = case.operation.responses.find_by_status_code(response.status_code)
    if answer is None:
        return
    declared = {name.lower() for name, _ in answer.headers.items()}
    sent = {name.lower() for name in response.headers} - OF_HTTP
    # What depends on who reads may be said of any answer.
    sent -= {"vary"}
    assert sent <= declared, f"{response.status_code} has {', '.join(sorted(sent - declared))}, which no line declares"
