"""Tasks, timers and what tasks wait for, beside Boost.Asio; how costs grow with number; what a header costs."""
import json
import subprocess

from kit import headers, median, peers, say

GROUP = "core"
WORKS = [  # title, work, how many side by side, how often, target for processor time
    ("create and await a task", "await", 1, 1_000_000, None),
    ("gather of 10 that are ready, each", "gather", 10, 10_000, ">= 10x"),
    ("gather of 10,000 that are ready, each", "gather", 10_000, 10, None),
    ("gather of 10 that yield, each", "gather-yield", 10, 10_000, None),
    ("gather of 10,000 that yield, each", "gather-yield", 10_000, 10, None),
    ("spawn a task that yields", "spawn-yield", 100_000, 1, None),
    ("yield, one task alone", "yield", 1, 200_000, None),
    ("yield, 100 tasks in turn", "yield", 100, 10_000, None),
    ("100,000 timers that fire, each", "timers", 100_000, 1, None),
    ("100,000 timers armed and cancelled, each", "timers-cancel", 100_000, 1, None),
    ("100,000 tasks that sleep, each", "sleep", 100_000, 1, None),
    ("hand a value to another task through a channel", "channel", 100_000, 1, None),
    ("hand a mutex to another task", "mutex", 2, 100_000, None),
    ("1,000,000 idle tasks: start, wake and end, each", "idle", 1_000_000, 1, None),
]
GROWTH = [  # title, work, sizes
    ("gather, each child yields", "gather-yield", (10**3, 10**4, 10**5, 10**6)),
    ("waiters on one limiter", "limiter", (10**3, 10**4, 10**5, 10**6)),
    ("timers that fire", "timers", (10**3, 10**4, 10**5, 10**6)),
    ("timers armed and cancelled", "timers-cancel", (10**3, 10**4, 10**5, 10**6)),
    ("idle tasks cancelled", "cancel", (10**3, 10**4, 10**5)),
]
ASIO, SERVING_ASIO = "Boost.Asio", "Boost.Asio, reactor"
FLAT = "<= 3x"
ITEMS = 100_000  # at least so many in one repetition


def once(command, work, size, times):
    done = subprocess.run([*command, work, str(size), str(times)], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} {work} {size} {times} failed: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def all_sides(sides, runs, wanted):
    """{(work, size, times): {side: medians of wall_ns, cpu_ns and bytes}}. The sides take turns."""
    measured = {one: {name: [] for name in sides} for one in wanted}
    for turn in range(runs):
        say(f"  round {turn + 1} of {runs}")
        for one, by_side in measured.items():
            for name, command in sides.items():
                by_side[name].append(once(command, *one))
    return {one: {name: {key: median([got[key] for got in runs_of_it]) for key in runs_of_it[0]}
                  for name, runs_of_it in by_side.items()} for one, by_side in measured.items()}


def works(results, sides, runs):
    measured = all_sides(sides, runs, [tuple(row[1:4]) for row in WORKS])
    for title, *one, target in WORKS:
        by_side = measured[tuple(one)]
        ours = by_side["weir"]
        for peer, its_target in (ASIO, target), (SERVING_ASIO, None):
            results.figure(GROUP, title + ", CPU", "ns", ours["cpu_ns"], by_side[peer]["cpu_ns"], peer, its_target)
        results.figure(GROUP, title + ", wall", "ns", ours["wall_ns"], by_side[ASIO]["wall_ns"], ASIO)
        if ours["bytes"]:
            results.figure(GROUP, "an idle task, of 1,000,000", "bytes", ours["bytes"], by_side[ASIO]["bytes"], ASIO)


def growth(results, sides, runs):
    wanted = [(work, size, max(1, ITEMS // size)) for _, work, sizes in GROWTH for size in sizes]
    measured = all_sides(sides, runs, wanted)
    for title, work, sizes in GROWTH:
        of_work = [measured[work, size, max(1, ITEMS // size)] for size in sizes]
        for size, of_size in zip(sizes, of_work):
            results.figure(GROUP, f"{title}: {size:,}, CPU of each", "ns", *(got["cpu_ns"] for got in of_size.values()), ASIO)
        ratios = [of_work[-1][side]["cpu_ns"] / of_work[0][side]["cpu_ns"] for side in sides]
        results.figure(GROUP, f"{title}: one of {sizes[-1]:,} against one of {sizes[0]:,}", "x", *ratios, ASIO, FLAT)


def includes(results, programs, runs):
    files = {name: headers.public(name) for name in ("core", "offload")}
    sources = {f"weir/{room}/{file}": [f"weir/{room}/{file}"] for room, names in files.items() for file in names}
    for room, names in files.items():
        sources[f"all of weir/{room}"] = [f"weir/{room}/{file}" for file in names]
    sources["boost/asio.hpp"] = ["boost/asio.hpp"]
    measured = {name: [] for name in sources}
    for turn in range(runs):
        say(f"  headers, round {turn + 1} of {runs}")
        for name, included in sources.items():
            if name in measured:
                measured[name].append(headers.check(programs.compiler(), included))
                if not measured[name][-1]:
                    results.failed(GROUP, f"{name} does not compile.")
                    del measured[name]
    peer = "boost/asio.hpp"
    middle = {name: {key: median([one[key] for one in got]) for key in got[0]} for name, got in measured.items()}
    lines = {name: headers.lines(programs.compiler(), sources[name]) for name in measured}
    for name in list(measured)[:-1]:
        target = "< 0.5 s" if "weir/core" in name else None
        for key, unit in ("cpu_s", "CPU s"), ("wall_s", "s"), ("peak_mib", "MiB of the compiler"):
            if key == "cpu_s" or name.startswith("all"):
                results.figure(GROUP, f"include {name}", unit, middle[name][key], middle[peer][key], peer,
                               target if key != "peak_mib" else None)
        results.figure(GROUP, f"include {name}", "lines", lines[name], lines[peer], peer)


def run(results, programs, runs):
    results.version(peers.asio_version(programs))
    sides = {"weir": [programs.core], ASIO: [programs.asio_core]}
    works(results, sides | {SERVING_ASIO: [programs.asio_core, "--reactor"]}, runs)
    growth(results, sides, runs)
    includes(results, programs, runs)
    results.note(GROUP, f"Medians of {runs} rounds, turn by turn; both programs hold the same works under the same names "
                        "(bench/core, bench/peers/asio). Asio runs in its fastest form: one thread, the io_context's own "
                        "executor type, `deferred` where it can be awaited. It has no event, mutex or limiter: a timer that "
                        "never fires and a channel of capacity one stand for them. Timers are due within 10 ns for each. "
                        "An io_context in a program without a timer or a socket never asks the kernel for events; where "
                        "there is one, it asks every turn: that is the peer with the reactor.")
