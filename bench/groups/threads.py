"""A function that does nothing, run on another thread and waited for: beside Asio's pool, anyio and asyncio."""
import json
import subprocess

from kit import median, peers, say

GROUP = "threads"
SECONDS = 0.5
CELLS = [(waiters, threads) for waiters in (1, 100) for threads in (1, 4, 40)]
LINGERS_US = 0, 10
ASIO_FORMS = {"asio, post": "post", "asio, bind_executor": "bind_executor"}
SERVING_ASIO = "asio with reactor"
PYTHON_FORMS = {"anyio": "anyio", "run_in_executor": "executor"}

# Targets: against asio in the median and in the worst round, against anyio, and what Weir must reach alone.
TARGETS = {
    (1, 1, 0): {"worst": ">= 1x"}, (1, 4, 0): {"worst": ">= 1x"}, (1, 40, 0): {"worst": ">= 1x"},
    (1, 1, 10): {"alone": ">= 600,000", "anyio": ">= 50x"}, (1, 4, 10): {"alone": ">= 600,000", "anyio": ">= 50x"},
    (1, 40, 10): {"alone": ">= 600,000", "anyio": ">= 50x"},
    (100, 1, 0): {"asio": ">= 1x"}, (100, 4, 0): {"alone": ">= 1,500,000", "asio": ">= 2x"},
    (100, 40, 0): {"alone": ">= 1,500,000", "asio": ">= 10x", "anyio": ">= 70x"},
}


def hops(command, waiters, threads, *rest):
    words = [*command, str(waiters), str(threads), str(SECONDS), *map(str, rest)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {done.stderr[-500:]}")
    got = json.loads(done.stdout)
    if not got:
        raise RuntimeError(f"{' '.join(words)} measured nothing")
    return got


def commands(results, programs):
    """{name: command}, ours first."""
    found = {f"weir, linger {us} us": [programs.threads, "weir"] for us in LINGERS_US}
    found |= {name: [programs.asio_threads, form] for name, form in ASIO_FORMS.items()}
    found[SERVING_ASIO] = [programs.asio_threads, "--reactor", "bind_executor"]
    results.version(peers.asio_version(programs))
    try:
        python = str(peers.python("anyio") / "python")
        results.version(peers.anyio_version(python))
        script = str(peers.HERE / "peers/python_threads.py")
        found |= {name: [python, script, form] for name, form in PYTHON_FORMS.items()}
    except peers.Missing as why:
        results.note(GROUP, f"anyio and run_in_executor were not measured: {why}.")
    try:
        found["tokio"] = [peers.tokio(), "spawn_blocking"]
        results.version(peers.TOKIO_VERSION)
    except peers.Missing as why:
        results.note(GROUP, f"tokio was not measured: {why}.")
    return found


def measure(found, runs):
    """{(waiters, threads): {name: [run, ...]}}: in each round every side has its turn in every cell."""
    measured = {cell: {name: [] for name in found} for cell in CELLS}
    for turn in range(runs):
        say(f"  round {turn + 1} of {runs}")
        for cell in CELLS:
            for name, command in found.items():
                linger = [name.split()[2]] if name.startswith("weir") else []
                measured[cell][name].append(hops(command, *cell, *linger))
    return measured


def middle(runs, key):
    return median([one[key] for one in runs])


def report_cell(results, cell, by_name, linger):
    waiters, threads = cell
    ours = by_name[f"weir, linger {linger} us"]
    targets = TARGETS.get((*cell, linger), {})
    many = "1 at a time" if waiters == 1 else f"{waiters} waiters"
    work = f"{many}, {threads} thread{'s' * (threads > 1)}, " + (f"linger {linger} us" if linger else "no linger")
    asio = max(ASIO_FORMS, key=lambda name: middle(by_name[name], "per_second"))
    others = {name: runs for name, runs in by_name.items() if not name.startswith(("weir", "asio,"))}
    rate = middle(ours, "per_second")
    if "alone" in targets:
        results.figure(GROUP, work, "hops/s", rate, target=targets["alone"], lower_is_better=False)
    for name, runs in {asio: by_name[asio], **others}.items():
        results.figure(GROUP, work, "hops/s", rate, middle(runs, "per_second"), name, targets.get(name.split(",")[0]),
                       lower_is_better=False)
    if "worst" in targets:
        mine, theirs = min(((a["per_second"], b["per_second"]) for a, b in zip(ours, by_name[asio])),
                           key=lambda pair: pair[0] / pair[1])
        results.figure(GROUP, work + ", worst round", "hops/s", mine, theirs, asio, targets["worst"],
                       lower_is_better=False)
    for key, title in ("cpu_us", "CPU of a hop"), ("p50_us", "p50"), ("p99_us", "p99"):
        for name in [asio, *("anyio" for _ in [0] if "anyio" in others)]:
            results.figure(GROUP, f"{work}, {title}", "us", middle(ours, key), middle(by_name[name], key), name)


def run(results, programs, runs):
    measured = measure(commands(results, programs), runs)
    for linger in LINGERS_US:
        for cell in CELLS:
            report_cell(results, cell, measured[cell], linger)
    results.note(GROUP, f"Medians of {runs} rounds of {SECONDS} s for each cell. Threads: the capacity of the limiter (Weir, "
                        "anyio), the size of the pool (the others). Of asio's two forms the faster one of each cell is "
                        "shown. CPU is that of the whole process. Results of one hop at a time fall into two modes, by "
                        "whether the kernel wakes the other thread on the same core.")
