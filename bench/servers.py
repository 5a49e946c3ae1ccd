"""The servers that are measured, each over fresh data: frontdesk, and the hand-written one."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTDESK = ROOT / "target/release/frontdesk"
BASELINE = ROOT / "target/bench/release/baseline"
CONTRACT = """\
frontdesk: 1
name: bench
resources:
  Book:
    id: integer
    fields:
      title:    {type: string, minLength: 1, maxLength: 300, index: true}
      price:    {type: integer, minimum: 0}
      currency: {type: string, pattern: '^[A-Z]{3}$'}
    access: {read: public, write: signed_in}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process on core 0, with its own database."""

    def __init__(self, name, command, port, data, headers=None, environment=None):
        self.name, self.port, self.data, self.headers = name, port, data, headers or {}
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def first_answer(self, path):
        """Seconds from exec to the first answer."""
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", path, headers=self.headers)
                if connection.getresponse().status < 500:
                    return time.perf_counter() - self.started
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"{self.name} ended before it answered")
            time.sleep(0.001)

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, which="VmRSS"):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def fill(file, rows):
    """Books straight into the table, which both servers lay out alike but for the version."""
    database = sqlite3.connect(file)
    columns = {row[1] for row in database.execute("PRAGMA table_info(book)")}
    extra = ("_version",) if "_version" in columns else ()
    names = ("title", "price", "currency", "created_at", "updated_at", *extra)
    now = 1_790_000_000_000
    database.executemany(
        f"INSERT INTO book ({','.join(names)}) VALUES ({','.join('?' * len(names))})",
        ((f"The book number {n}", n % 9000, "JPY", now + n, now + n, *([1] * len(extra))) for n in range(rows)),
    )
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def frontdesk(folder, rows=0, contract=CONTRACT, key=True, database=None, name="frontdesk", log="info"):
    """A frontdesk over fresh data, called with a key that may write unless told otherwise."""
    folder.mkdir(parents=True)
    (folder / "frontdesk.yaml").write_text(contract)
    data = folder / "data"
    place = ["--data", str(data), *(["--database", database] if database else [])]
    made = subprocess.run([FRONTDESK, "migrate", "apply", str(folder), *place], capture_output=True, text=True)
    if made.returncode:
        sys.exit(made.stderr)
    headers = {}
    if key:
        command = [FRONTDESK, "key", "create", "bench", "--scope", "books.read", "--scope", "books.write"]
        command += ["--dir", str(folder), *place, "--json"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        headers["Authorization"] = f"Bearer {json.loads(out)['key']}"
    if database:
        fill_postgres(database, rows)
    else:
        fill(data / "frontdesk.db", rows)
    port = free_port()
    command = [FRONTDESK, "serve", str(folder), *place, "--listen", f"127.0.0.1:{port}"]
    return Server(name, command, port, data, headers, {"FRONTDESK_LOG": log})


def baseline(folder, commit, rows=0):
    """The hand-written server on SQLite."""
    folder.mkdir(parents=True)
    file, port = folder / "books.db", free_port()
    arguments = ["sqlite", str(file), commit]
    once = Server("baseline", [BASELINE, f"127.0.0.1:{port}", *arguments], port, folder)
    once.first_answer("/v1/books/1")
    once.stop()
    fill(file, rows)
    port = free_port()
    return Server(f"hand-written, {commit} commit", [BASELINE, f"127.0.0.1:{port}", *arguments], port, folder)


def baseline_postgres(folder, database, rows=0):
    """The hand-written server on PostgreSQL."""
    port = free_port()
    server = Server("hand-written", [BASELINE, f"127.0.0.1:{port}", "postgres", database], port, folder)
    server.first_answer("/v1/books/1")
    fill_postgres(database, rows)
    return server


class Postgres:
    """A PostgreSQL of its own with default durability, on a free port, gone afterwards."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.folder.mkdir(parents=True)
        # It refuses to run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            self.folder.parent.chmod(0o755)
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "--pgdata", folder, "--username", "bench", "--auth", "trust", "--no-sync")
        options = f"-c port={self.port} -c unix_socket_directories='' -c shared_buffers=512MB -c max_connections=200"
        self.run("pg_ctl", "--pgdata", folder, "--wait", "--log", folder / "log", "--options", options, "start")

    def run(self, tool, *arguments):
        found = shutil.which(tool) or next(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), None)
        if not found:
            sys.exit("bench/run needs PostgreSQL for this part: apt-get install postgresql")
        command = [*self.user, found, *arguments]
        subprocess.run([str(word) for word in command], check=True, cwd="/", stdout=subprocess.DEVNULL)

    def database(self, name):
        self.run("createdb", "--host", "127.0.0.1", "--port", self.port, "--username", "bench", name)
        return f"postgres://bench@127.0.0.1:{self.port}/{name}"

    def stop(self):
        self.run("pg_ctl", "--pgdata", self.folder, "--wait", "--mode", "fast", "stop")


def fill_postgres(database, rows):
    """As `fill`: books straight into the table."""
    if not rows:
        return
    text = f"""
        DO $$ DECLARE extra text := (SELECT string_agg(column_name, '') FROM information_schema.columns
            WHERE table_name = 'book' AND column_name = '_version');
        BEGIN EXECUTE format(
            'INSERT INTO book (title, price, currency, created_at, updated_at%s)
             SELECT ''The book number '' || n, n %% 9000, ''JPY'', to_timestamp(1790000000 + n),
             to_timestamp(1790000000 + n)%s FROM generate_series(1, {rows}) AS n',
            CASE WHEN extra IS NULL THEN '' ELSE ', "_version"' END, CASE WHEN extra IS NULL THEN '' ELSE ', 1' END);
        END $$; VACUUM ANALYZE book"""
    for command in text.split("; VACUUM"):
        command = command if command.lstrip().startswith("DO") else f"VACUUM{command}"
        subprocess.run(["psql", "--quiet", "--no-psqlrc", database, "--command", command], check=True)
