"""Start-up, memory and small calls: the product beside Sanzaru, the library beside the TypeScript SDK."""
import pathlib
import tempfile

from kit import mcp, median, peers, processes

GROUP = "server"
CONNECTIONS = 16
STDIO_CALLS = 2000


def products(results, programs):
    found = [mcp.weir(programs)]
    try:
        bin_folder = peers.python("sanzaru")
        results.version(peers.sanzaru_versions(bin_folder))
        found.append(mcp.sanzaru(bin_folder))
    except peers.Missing as why:
        results.note(GROUP, f"Sanzaru was not measured: {why}.")
    return found


def libraries(results, programs):
    found = [mcp.weir_echo(programs)]
    try:
        found.append(mcp.typescript_echo(peers.node("typescript")))
        results.version("TypeScript SDK: @modelcontextprotocol/server 2.4.0 on " + peers.node_version())
    except peers.Missing as why:
        results.note(GROUP, f"The TypeScript SDK was not measured: {why}.")
    return found


def compare(results, pair, gathered, key, work, unit, scale=1, target=None, lower_is_better=True):
    ours, *others = [median([row[key] for row in gathered[server.name]]) for server in pair]
    peer = others[0] if others else None
    results.figure(GROUP, work, unit, ours * scale, peer * scale if peer is not None else None,
                   pair[1].name if others else "none", target, lower_is_better)


def folder_with_files(base, name):
    media = pathlib.Path(base) / name
    (media / "videos").mkdir(parents=True)
    (media / "images").mkdir()
    for n in range(12):
        (media / "videos" / f"clip_{n}.mp4").write_bytes(b"x" * 1000 * n)
    return media


def on_stdio(results, programs, runs, base, pair, title, request, targets):
    env = {server.name: mcp.media_environment(folder_with_files(base, f"{title}-{n}")) for n, server in enumerate(pair)}
    starts = {server.name: [] for server in pair}
    calls = {server.name: [] for server in pair}
    for turn in range(runs):
        for server in pair:
            for _ in range(3):
                starts[server.name].append(mcp.load(programs, "pipe", env[server.name], server.stdio,
                                                    setup=[mcp.INITIALIZE]))
            calls[server.name].append(mcp.load(programs, "pipe", env[server.name], server.stdio, setup=mcp.HANDSHAKE,
                                               request=request, count=STDIO_CALLS, warm=STDIO_CALLS // 10, settle_ms=500))
    compare(results, pair, starts, "first_answer_s", f"{title}: start to first answer on stdio", "ms", 1e3, targets["start"])
    compare(results, pair, starts, "start_cpu_s", f"{title}: CPU of that", "ms", 1e3)
    compare(results, pair, starts, "exit_s", f"{title}: end of input to exit", "ms", 1e3)
    compare(results, pair, calls, "idle_kib", f"{title}: idle memory", "MiB", 1 / 1024, targets["idle"])
    what = f"{title}: {targets['what']} on stdio"
    compare(results, pair, calls, "p50_us", what + ", p50", "us", 1, targets["p50"])
    compare(results, pair, calls, "p99_us", what + ", p99", "us")
    compare(results, pair, calls, "cpu_us_per_call", what + ", CPU of the server", "us")
    compare(results, pair, calls, "after_kib", f"{title}: memory after {STDIO_CALLS} calls", "MiB", 1 / 1024)


def on_http(results, programs, runs, base, pair, title, modern, name, arguments, targets):
    headers = mcp.modern_headers("tools/call", name) if modern else mcp.LEGACY_HEADERS
    gathered = {server.name: [] for server in pair}
    for turn in range(runs):
        for n, server in enumerate(pair):
            env = mcp.media_environment(folder_with_files(base, f"http-{title}-{n}-{turn}"))
            with mcp.http_server(server, env) as (process, port):
                before = process.cpu_seconds()
                got = mcp.load(programs, "http", port=port, request=mcp.call(name, arguments, modern), headers=headers,
                               connections=CONNECTIONS, seconds=3, warm_seconds=0.5)
                # The time of warming up belongs to the calls of it, which the driver does not count.
                got["cpu_us"] = (process.cpu_seconds() - before) * 1e6 / (got["count"] * 3.5 / 3)
                got["after_mib"] = processes.memory_mib(process.pid)
                gathered[server.name].append(got)
    era = mcp.MODERN if modern else mcp.LEGACY
    what = f"{title}: {name} over HTTP ({era}), {CONNECTIONS} connections"
    compare(results, pair, gathered, "per_second", what, "calls/s", 1, targets.get("rate"), lower_is_better=False)
    compare(results, pair, gathered, "p50_us", what + ", p50", "ms", 1e-3)
    compare(results, pair, gathered, "p99_us", what + ", p99", "ms", 1e-3, targets.get("p99"))
    compare(results, pair, gathered, "cpu_us", what + ", CPU of the server for a call", "us")
    compare(results, pair, gathered, "after_mib", f"{title}: memory after that", "MiB")


def run(results, programs, runs):
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as base:
        pair = products(results, programs)
        on_stdio(results, programs, runs, base, pair, "product", mcp.request("tools/list"),
                 {"start": "< 10 ms", "idle": "< 12 MiB", "p50": None, "what": "tools/list"})
        on_http(results, programs, runs, base, pair, "product", False, "list_local_videos", {}, {})
        pair = libraries(results, programs)
        on_stdio(results, programs, runs, base, pair, "echo server", mcp.call("echo", {"text": "hello"}),
                 {"start": "< 10 ms", "idle": "< 12 MiB", "p50": "< 60 us", "what": "tools/call"})
        on_http(results, programs, runs, base, pair, "echo server", True, "echo", {"text": "hello"},
                {"rate": ">= 9x", "p99": "< 3 ms"})
    results.note(GROUP, "Product: the whole media server against Sanzaru, same folder with 12 files, same messages; its "
                        "tools/list holds other texts than ours. Echo server: one trivial tool, Weir's library against the "
                        "SDK. The load driver (C++) shares the cores with the server.")
