"""Third-party clients: programs as an example's users would write them.

From the OpenAPI document, openapi-typescript makes types and openapi-python-client a package, both
called `api`; every program in `clients/NAME/` is checked with them, strictly, and run. A program
finds the API in its environment: `API_URL`, `API_KEY`, and the keys that the example's description
adds. It ends with 0 if all went well.
"""

import os
import shutil
import subprocess

import tools

# Everything that TypeScript can be strict about. The generated types are no library: they are checked.
STRICT = [
    "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--noImplicitOverride",
    "--noFallthroughCasesInSwitch", "--skipLibCheck",
    "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom,dom.iterable", "--types", "node",
]


def clients(example, options):
    place = example.scratch / "clients"
    sources = tools.HERE / "clients"
    place.mkdir()
    # Those at the top are for all of them.
    for source in [*sources.glob("*.ts"), *(sources / example.name).iterdir()]:
        shutil.copy(source, place)

    environment = {**os.environ, "API_URL": example.api, "API_KEY": example.key()}
    for variable, arguments in example.about.keys.items():
        environment[variable] = example.make_key(variable.lower(), arguments)
    for of_language in [typescript, python]:
        for command in of_language(example, place):
            if code := subprocess.run(command, cwd=place, env=environment).returncode:
                return code
    return 0


def programs(place, suffix, example):
    return sorted(place / path.name for path in (tools.HERE / "clients" / example.name).glob(f"*{suffix}"))


def typescript(example, place):
    modules = tools.node()
    (place / "package.json").write_text('{"type": "module"}')
    (place / "node_modules").symlink_to(modules)
    mine = programs(place, ".ts", example)
    if not mine:
        return
    yield [modules / ".bin/openapi-typescript", example.document(), "--output", place / "api.ts"]
    yield [modules / ".bin/tsc", *STRICT, "--outDir", place, place / "api.ts", *mine]
    for program in mine:
        print(f"{program.name}:", flush=True)
        yield ["node", program.with_suffix(".js")]


def python(example, place):
    mine = programs(place, ".py", example)
    if not mine:
        return
    commands = tools.python()
    # The folder becomes the package.
    yield [
        commands / "openapi-python-client", "generate", "--path", example.document(),
        "--output-path", place / "api", "--meta", "none", "--config", tools.HERE / "openapi-python-client.yaml",
    ]
    # Checked is what the programs use of it.
    yield [commands / "mypy", "--strict", "--cache-dir", place / ".mypy_cache", *mine]
    for program in mine:
        print(f"{program.name}:", flush=True)
        yield [commands / "python", program]
