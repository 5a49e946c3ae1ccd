"""Third-party clients: programs as an example's users would write them.

From the OpenAPI document, openapi-typescript makes types; every program in `clients/NAME/` is
compiled with them, strictly, and run. A program finds the API in its environment: `API_URL`,
`API_KEY`, and the keys that the example's description adds. It ends with 0 if all went well.
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
    modules = tools.node()
    place = example.scratch / "clients"
    place.mkdir()
    (place / "package.json").write_text('{"type": "module"}')
    (place / "node_modules").symlink_to(modules)
    sources = tools.HERE / "clients"
    # Those at the top are for all of them.
    for source in [*sources.glob("*.ts"), *(sources / example.name).glob("*.ts")]:
        shutil.copy(source, place)
    programs = sorted(place / program.name for program in (sources / example.name).glob("*.ts"))

    generate = [modules / ".bin/openapi-typescript", example.document(), "--output", place / "api.ts"]
    if code := subprocess.run(generate, stdout=subprocess.DEVNULL).returncode:
        return code
    compile = [modules / ".bin/tsc", *STRICT, "--outDir", place, place / "api.ts", *programs]
    if code := subprocess.run(compile, cwd=place).returncode:
        return code

    environment = {**os.environ, "API_URL": example.api, "API_KEY": example.key()}
    for variable, arguments in example.about.keys.items():
        environment[variable] = example.make_key(variable.lower(), arguments)
    for program in programs:
        print(f"{program.stem}:", flush=True)
        if code := subprocess.run(["node", program.with_suffix(".js")], cwd=place, env=environment).returncode:
            return code
    return 0
