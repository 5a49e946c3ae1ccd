"""What is measured: one function for each part, which prints it and returns its figures."""

import http.client
import json
import shutil
import statistics
import subprocess
import time

from load import compare, show, wrk
from servers import CONTRACT, FRONTDESK, Postgres, Server, baseline, baseline_postgres, free_port, frontdesk

ROWS = 100_000


def read_script(scratch):
    """Single books, at random."""
    script = scratch / "read.lua"
    script.write_text(f'request = function() return wrk.format("GET", "/v1/books/" .. math.random({ROWS})) end\n')
    return script


INSERT = (
    'wrk.method = "POST"\n'
    'wrk.headers["Content-Type"] = "application/json"\n'
    'wrk.body = [[{"title": "Designing Data-Intensive Applications", "price": 3800, "currency": "JPY"}]]\n'
)


def insert_script(scratch, keys=False):
    """New books, on request with an Idempotency-Key each."""
    script = scratch / f"insert{'_keys' if keys else ''}.lua"
    each = """
        local prefix, count = tostring(os.time()) .. tostring({}):gsub("%W", ""), 0
        request = function()
          count = count + 1
          wrk.headers["Idempotency-Key"] = prefix .. count
          return wrk.format()
        end
    """
    script.write_text(INSERT + (each if keys else ""))
    return script


def bench_read(scratch, options):
    servers = [frontdesk(scratch / "ours", ROWS), baseline(scratch / "hand", "group", ROWS)]
    script = read_script(scratch)
    results = compare(servers, "/", options.seconds, options.rounds, script)
    ratios = show("Read by id", results, {"hand-written, group commit": "≥ 0.85"})
    [server.stop() for server in servers]
    return {"results": results, "ratios": ratios}


def bench_list(scratch, options):
    servers = [frontdesk(scratch / "ours", ROWS), baseline(scratch / "hand", "group", ROWS)]
    results = compare(servers, "/v1/books?limit=20", options.seconds, options.rounds)
    ratios = show("List of 20", results, {"hand-written, group commit": "≥ 0.90"})
    [server.stop() for server in servers]
    return {"results": results, "ratios": ratios}


def bench_insert(scratch, options):
    servers = [
        frontdesk(scratch / "ours"),
        baseline(scratch / "group", "group"),
        baseline(scratch / "each", "each"),
    ]
    script = insert_script(scratch)
    results = compare(servers, "/v1/books", options.seconds, options.rounds, script)
    ratios = show(
        "Durable inserts, 64 connections",
        results,
        {"hand-written, group commit": "≥ 0.80", "hand-written, each commit": "≥ 5"},
    )
    [server.stop() for server in servers]
    return {"results": results, "ratios": ratios}


def bench_start(scratch, options):
    times, memory = [], []
    for round_ in range(max(5, options.rounds)):
        server = frontdesk(scratch / f"start{round_}", 1000)
        times.append(server.first_answer("/v1/books/1") * 1000)
        memory.append(server.memory_mib())
        server.stop()
    result = {"first_answer_ms": statistics.median(times), "idle_mib": statistics.median(memory)}
    print(f"\nStart to first answer: {result['first_answer_ms']:.0f} ms (target < 100)")
    print(f"Idle memory: {result['idle_mib']:.0f} MiB (target < 40)")
    print(f"Binary: {FRONTDESK.stat().st_size / 2**20:.1f} MiB (target < 60)")

    many = scratch / "many"
    many.mkdir()
    resources = "\n".join(
        f"  Thing{n}:\n    id: integer\n    fields:\n      name: {{type: string, index: true}}\n      size: integer\n"
        f"      note?: string\n    access: {{read: public, write: signed_in}}"
        for n in range(500)
    )
    (many / "frontdesk.yaml").write_text(f"frontdesk: 1\nname: many\nresources:\n{resources}\n")
    started = time.perf_counter()
    subprocess.run([FRONTDESK, "check", str(many)], check=True, capture_output=True)
    result["check_500_ms"] = (time.perf_counter() - started) * 1000
    port = free_port()
    subprocess.run([FRONTDESK, "migrate", "apply", str(many)], check=True, capture_output=True)
    server = Server(
        "frontdesk", [FRONTDESK, "serve", str(many), "--listen", f"127.0.0.1:{port}"], port, many
    )
    result["start_500_ms"] = server.first_answer("/v1/thing0s") * 1000
    result["idle_500_mib"] = server.memory_mib()
    server.stop()
    print(
        f"500 resources: check {result['check_500_ms']:.0f} ms, start to first answer "
        f"{result['start_500_ms']:.0f} ms, idle {result['idle_500_mib']:.0f} MiB"
    )
    return result


def bench_growth(scratch, options):
    """Page latency by the number of rows: the first page, by title, and far in."""
    result = {}
    print(f"\nPage of 50 by table size (median ms)\n  {'rows':>10}{'first':>9}{'by title':>10}{'far in':>9}")
    for rows in (1_000, 100_000, 5_000_000):
        folder = scratch / f"growth{rows}"
        server = frontdesk(folder, rows)
        server.first_answer("/v1/books/1")
        connection = http.client.HTTPConnection("127.0.0.1", server.port)

        def page(path):
            started = time.perf_counter()
            connection.request("GET", path)
            body = connection.getresponse().read()
            return (time.perf_counter() - started) * 1000, json.loads(body)

        far = "/v1/books?sort=-id&limit=200"
        cursor = page(far)[1]["next_cursor"]
        paths = ["/v1/books", "/v1/books?sort=title", f"{far[:-9]}&limit=50&cursor={cursor}"]
        medians = [statistics.median(page(path)[0] for _ in range(200)) for path in paths]
        print(f"  {rows:>10}" + "".join(f"{value:9.2f}" for value in medians))
        result[rows] = medians
        server.stop()
        shutil.rmtree(folder)
    return result


def bench_policies(scratch, options):
    """What a key, a rule about the caller, rate limits, checks of values and the log cost."""
    closed = CONTRACT.replace("access: {read: public, write: signed_in}", "access: {read: signed_in, write: signed_in}")
    limits = """\
limits:
  default: {by: key, allow: 1000000000/minute}
  books:   {by: everyone, allow: 1000000000/minute}
"""
    closed = closed.replace("resources:", limits + "resources:").replace("    id: integer", "    id: integer\n    limit: books")
    bare = CONTRACT.replace("write: signed_in", "write: public")
    # What remains is that a value is of its type: without that there is nothing to store.
    for constraint in ["minLength: 1, maxLength: 300, ", ", minimum: 0", ", pattern: '^[A-Z]{3}$'"]:
        assert constraint in bare
        bare = bare.replace(constraint, "")
    servers = [
        frontdesk(scratch / "all", ROWS, closed),
        frontdesk(scratch / "bare", ROWS, bare, key=False, name="without any of it", log="off"),
    ]
    figures = {}
    for what, script in {"read by id": read_script(scratch), "insert": insert_script(scratch)}.items():
        results = compare(servers, "/v1/books", options.seconds, options.rounds, script)
        ratios = show(f"Key, rule, limits, validation and log on every {what}", results)
        costs = {name: results["frontdesk"]["cpu_us"] / run["cpu_us"] - 1 for name, run in results.items()}
        print(f"  cost by CPU: {costs['without any of it']:.0%} (target < 15 %)")
        figures[what] = {"results": results, "ratios": ratios, "cost": costs["without any of it"]}
    [server.stop() for server in servers]
    return figures


def bench_etag(scratch, options):
    """Reads whose copy is still good, against the same reads in full."""
    server = frontdesk(scratch / "ours", ROWS)
    server.first_answer("/v1/books/1")
    connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def tag(path):
        connection.request("GET", path, headers=server.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.headers["ETag"]

    figures = {}
    for what, path in {"record": "/v1/books/42", "list of 50": "/v1/books"}.items():
        script = scratch / "tag.lua"
        script.write_text(f"wrk.headers['If-None-Match'] = '{tag(path)}'\n")
        runs = {"304": [], "200": []}
        for _ in range(options.rounds):
            runs["304"].append(wrk(server, path, options.seconds, script))
            runs["200"].append(wrk(server, path, options.seconds))
        median = lambda status, figure: statistics.median(run[figure] for run in runs[status])
        figures[what] = {status: {figure: median(status, figure) for figure in runs[status][0]} for status in runs}
        good, full = figures[what]["304"], figures[what]["200"]
        print(
            f"\nA {what} that is still good: {good['per_second']:.0f} per second, {good['cpu_us']:.1f} µs CPU; "
            f"in full {full['per_second']:.0f}, {full['cpu_us']:.1f} µs"
        )
    server.stop()
    return figures


def bench_idempotent(scratch, options):
    """Durable inserts that can be retried, against the same without a key."""
    server = frontdesk(scratch / "ours")
    server.first_answer("/v1/books/1")
    figures = keyed_inserts(server, scratch, options, "Inserts with an Idempotency-Key each")
    server.stop()
    return figures


def keyed_inserts(server, scratch, options, what):
    figures = {"with a key": [], "without": []}
    for _ in range(options.rounds):
        for name, keys in {"with a key": True, "without": False}.items():
            figures[name].append(wrk(server, "/v1/books", options.seconds, insert_script(scratch, keys)))
    median = {
        name: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
        for name, runs in figures.items()
    }
    ratio = median["with a key"]["per_second"] / median["without"]["per_second"]
    print(f"\n{what}: {median['with a key']['per_second']:.0f} per second, {ratio:.2f} of those without")
    return {"results": median, "ratio": ratio}


def bench_export(scratch, options):
    """A million books as NDJSON: time, and how much memory it takes."""
    rows, figures = 1_000_000, {}
    print(f"\nNDJSON of {rows:,} books\n  {'':32}{'seconds':>9}{'MiB':>7}{'peak MiB':>10}{'before':>8}")
    for server, path in [
        (frontdesk(scratch / "ours", rows), "/v1/books"),
        (baseline(scratch / "hand", "group", rows), "/v1/books.ndjson"),
    ]:
        server.first_answer("/v1/books/1")
        before, started, size, lines = server.memory_mib(), time.perf_counter(), 0, 0
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", path, headers={**server.headers, "Accept": "application/x-ndjson"})
        answer = connection.getresponse()
        while chunk := answer.read(1 << 16):
            size, lines = size + len(chunk), lines + chunk.count(b"\n")
        seconds = time.perf_counter() - started
        assert lines == rows, f"{server.name} sent {lines} lines"
        peak = server.memory_mib("VmHWM")
        print(f"  {server.name:32}{seconds:9.2f}{size / 2**20:7.0f}{peak:10.0f}{before:8.0f}")
        figures[server.name] = {"seconds": seconds, "bytes": size, "before_mib": before, "peak_mib": peak}
        server.stop()
    return figures


def bench_postgres(scratch, options):
    """Reads, lists and inserts on PostgreSQL."""
    postgres = Postgres(scratch / "postgres")
    figures = {}
    try:
        servers = [
            frontdesk(scratch / "ours", ROWS, database=postgres.database("ours")),
            baseline_postgres(scratch, postgres.database("hand"), ROWS),
        ]
        for what, path, script in [
            ("Read by id", "/", read_script(scratch)),
            ("List of 20", "/v1/books?limit=20", None),
            ("Durable inserts", "/v1/books", insert_script(scratch)),
        ]:
            results = compare(servers, path, options.seconds, options.rounds, script)
            ratios = show(f"{what}, PostgreSQL", results, {"hand-written": "≥ 0.85"})
            figures[what] = {"results": results, "ratios": ratios}
        what = "Inserts with an Idempotency-Key each, PostgreSQL"
        figures[what] = keyed_inserts(servers[0], scratch, options, what)
        [server.stop() for server in servers]
    finally:
        postgres.stop()
    return figures


PARTS = {
    "read": bench_read,
    "list": bench_list,
    "insert": bench_insert,
    "policies": bench_policies,
    "etag": bench_etag,
    "idempotent": bench_idempotent,
    "export": bench_export,
    "postgres": bench_postgres,
    "start": bench_start,
    "growth": bench_growth,
}
