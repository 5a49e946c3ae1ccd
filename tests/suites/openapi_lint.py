"""Two linters read the OpenAPI document."""

import os
import subprocess

import tools


def spectral(example, options):
    command = [tools.node() / ".bin/spectral", "lint", example.document()]
    command += ["--ruleset", tools.HERE / "spectral.yaml", "--fail-severity", "warn"]
    return subprocess.run(command).returncode


def redocly(example, options):
    command = [tools.node() / ".bin/redocly", "lint", example.document("yaml")]
    command += ["--config", tools.HERE / "redocly.yaml", "--max-problems", "50"]
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(command, env=environment).returncode
