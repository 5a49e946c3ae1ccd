"""What a schema cannot say about valid requests, for Schemathesis.

A cursor is only good if this server has issued it, and for the list that it is used with. A made-up
one is well-formed and rightly refused, which a fuzzer takes for a broken promise; so it is left out
of the requests that are meant to be accepted.

A rehearsal (`dry_run`) creates nothing that could be looked at afterwards.

An idempotency key is new for each write; the same one with another body is rightly refused.

What a natural key puts into the path of a PUT, its body says too; a schema cannot say that they agree.
"""

import uuid

import schemathesis
from schemathesis import GenerationMode


@schemathesis.hook
def before_call(ctx, case, kwargs):
    meant_well = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if meant_well and case.query:
        case.query.pop("cursor", None)
        case.query.pop("dry_run", None)
    if meant_well and case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if meant_well and case.method == "PUT" and isinstance(case.body, dict):
        said = {name: case.path_parameters[name] for name in case.path_parameters if name in case.body}
        case.body = {**case.body, **said}
