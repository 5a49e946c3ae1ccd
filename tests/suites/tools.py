"""Where things are, and the third-party tools, installed once into `.tools/`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests/suites"
EXAMPLES = ROOT / "examples"
TOOLS = ROOT / ".tools"
FRONTDESK = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/frontdesk"


def same(a, b):
    return a.exists() and b.exists() and a.read_bytes() == b.read_bytes()


def python():
    """The folder of the commands that requirements.txt installs."""
    folder, wanted = TOOLS / "python", HERE / "requirements.txt"
    stamp = folder / "requirements.txt"
    if not same(stamp, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "-r", wanted], check=True)
        shutil.copy(wanted, stamp)
    return folder / "bin"


def node():
    """The `node_modules` that package.json installs."""
    folder, wanted = TOOLS / "node", HERE / "package.json"
    done = folder / "installed.json"
    if not same(done, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(command, cwd=folder, check=True)
        shutil.copy(wanted, done)
    return folder / "node_modules"
