"""Load from wrk on core 1, and what comes out of it."""

import re
import statistics
import subprocess
import sys


def wrk(server, path, seconds, script=None, connections=64):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in server.headers.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(script)]
    before = server.cpu_seconds()
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    cpu = server.cpu_seconds() - before
    if "Non-2xx" in out:
        sys.exit(f"{server.name} refused requests:\n{out}")
    requests = int(re.search(r"(\d+) requests in", out)[1])
    percentile = lambda p: milliseconds(re.search(rf"^ +{p}% +(\S+)", out, re.M)[1])
    return {
        "per_second": float(re.search(r"Requests/sec:\s+(\S+)", out)[1]),
        "p50_ms": percentile(50),
        "p99_ms": percentile(99),
        "cpu_us": cpu / requests * 1e6,
    }


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def compare(servers, path, seconds, rounds, script=None):
    """Interleaved rounds; the median of each figure."""
    results = {server.name: [] for server in servers}
    for server in servers:
        server.first_answer("/v1/books/1")
        wrk(server, path, 1, script)
    for _ in range(rounds):
        for server in servers:
            results[server.name].append(wrk(server, path, seconds, script))
    median = lambda runs: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
    out = {name: median(runs) for name, runs in results.items()}
    for server in servers:
        out[server.name]["memory_mib"] = server.memory_mib()
    return out


def show(title, results, target=None):
    print(f"\n{title}")
    print(f"  {'':32}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>9}{'MiB':>7}")
    for name, run in results.items():
        print(
            f"  {name:32}{run['per_second']:12.0f}{run['p50_ms']:9.2f}{run['p99_ms']:9.2f}"
            f"{run['cpu_us']:9.1f}{run['memory_mib']:7.0f}"
        )
    ours = results["frontdesk"]
    others = {name: run for name, run in results.items() if name != "frontdesk"}
    ratios = {name: ours["per_second"] / run["per_second"] for name, run in others.items()}
    for name, ratio in ratios.items():
        wanted = f" (target {target[name]})" if target and name in target else ""
        print(f"  ratio to {name}: {ratio:.2f}{wanted}; by CPU {others[name]['cpu_us'] / ours['cpu_us']:.2f}")
    return ratios
