"""schemathesis sends what the OpenAPI document allows and forbids, and holds the answers against it."""

import shutil
import subprocess

import tools


def schemathesis(example, options):
    key = example.key()
    # It keeps what it has learnt where it is started: beside copies, which go away with the rest.
    place = example.scratch / "schemathesis"
    place.mkdir()
    for name in ["schemathesis.toml", "schemathesis_hooks.py"]:
        shutil.copy(tools.HERE / name, place)
    command = [
        tools.python() / "st", "--config-file", place / "schemathesis.toml",
        "run", f"{example.api}/openapi.json", "--checks", "all",
        "--max-examples", str(options.examples), "--seed", str(options.seed),
        "--header", f"Authorization: Bearer {key}",
        # A slow machine is no finding.
        "--suppress-health-check", "too_slow", "--request-timeout", "20", "--no-color",
    ]
    return subprocess.run(command, cwd=place).returncode
