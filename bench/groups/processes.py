"""Functions in worker processes: hops, starts, payloads, and the end of what does not end. Beside anyio.to_process and
ProcessPoolExecutor."""
import json
import subprocess

from kit import median, peers, say

GROUP = "processes"
SECONDS = 0.5
WORKERS = 2
ANYIO, EXECUTOR = "anyio", "ProcessPoolExecutor(2)"
PYTHON_FORMS = {ANYIO: "anyio", EXECUTOR: "executor"}
HOPS = [  # waiters, microseconds that the loop polls, target alone, target against anyio
    (1, 0, ">= 25,000", ">= 2.5x"),
    (1, 10, ">= 500,000", None),
    (100, 0, ">= 400,000", ">= 20x"),
    (100, 10, ">= 1,500,000", None),
]
PAYLOADS = [  # MiB, how often, form, title, target in microseconds, target against anyio
    (1, 100, "copied", "vector, there and back", "<= 250", None),
    (1, 100, "shared", "shared_buffer there, another back", None, None),
    (1, 100, "in-place", "mutable_buffer, handed over", "<= 60", None),
    (64, 5, "copied", "vector, there and back", "<= 20,000", ">= 20x"),
    (64, 5, "shared", "shared_buffer there, another back", None, None),
    (64, 20, "in-place", "mutable_buffer, handed over", "<= 100", ">= 1000x"),
]
KILLS, SANDBOX_JOBS = 3, 2000


def once(*words):
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    got = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None
    if not got:
        raise RuntimeError(f"{' '.join(words)} failed with {done.returncode}: {done.stderr[-500:]}")
    return got


def python_sides(results):
    """{name: command}."""
    try:
        python = str(peers.python("anyio") / "python")
        results.version(peers.anyio_version(python))
        script = str(peers.HERE / "peers/python_processes.py")
        return {name: [python, script, form] for name, form in PYTHON_FORMS.items()}
    except peers.Missing as why:
        results.note(GROUP, f"anyio and ProcessPoolExecutor were not measured: {why}.")
        return {}


def works(ours, pythons):
    """{work: {side: command}}: in each round every side has its turn."""
    found = {}
    for waiters in dict.fromkeys(row[0] for row in HOPS):
        sides = {f"linger {linger} us": [ours, "hops", waiters, WORKERS, SECONDS, linger]
                 for many, linger, *_ in HOPS if many == waiters}
        found["hops", waiters] = sides | {name: [*command, "hops", waiters, WORKERS, SECONDS]
                                          for name, command in pythons.items()}
    found["start",] = {"weir": [ours, "start"]} | {name: [*command, "start"] for name, command in pythons.items()}
    for mib in dict.fromkeys(row[0] for row in PAYLOADS):
        sides = {form: [ours, "payload", mib, form, times] for size, times, form, *_ in PAYLOADS if size == mib}
        found["payload", mib] = sides | {name: [*command, "payload", mib, 20 if mib == 1 else 3]
                                         for name, command in pythons.items()}
    found["kill",] = {"weir": [ours, "kill", KILLS]}
    if ANYIO in pythons:
        found["kill",][ANYIO] = [*pythons[ANYIO], "kill", KILLS]
    found["sandbox",] = {"weir": [ours, "sandbox", SANDBOX_JOBS]}
    return found


def measure(wanted, runs):
    """{work: {side: medians}}."""
    measured = {work: {side: [] for side in sides} for work, sides in wanted.items()}
    for turn in range(runs):
        say(f"  round {turn + 1} of {runs}")
        for work, sides in wanted.items():
            for side, command in sides.items():
                measured[work][side].append(once(*command))
    return {work: {side: {key: median([one[key] for one in got]) for key in got[0]} for side, got in sides.items()}
            for work, sides in measured.items()}


def report_hops(results, measured):
    for waiters, linger, alone, against_anyio in HOPS:
        sides = measured["hops", waiters]
        ours = sides[f"linger {linger} us"]
        work = (("1 at a time" if waiters == 1 else f"{waiters} waiters") + f", {WORKERS} workers, " +
                (f"the loop polls {linger} us" if linger else "the loop sleeps"))
        results.figure(GROUP, work, "hops/s", ours["per_second"], target=alone, lower_is_better=False)
        for name in filter(sides.get, PYTHON_FORMS):
            results.figure(GROUP, work, "hops/s", ours["per_second"], sides[name]["per_second"], name,
                           against_anyio if name == ANYIO else None, lower_is_better=False)
        for key, title in ("cpu_us", "CPU of a hop, all processes"), ("p50_us", "p50"), ("p99_us", "p99"):
            theirs = sides.get(ANYIO, {}).get(key)
            results.figure(GROUP, f"{work}, {title}", "us", ours[key], theirs, *([ANYIO] if theirs else []))


def report_against_python(results, sides, ours, key, work, unit, scale, targets):
    """One figure alone where it has a target alone, and one beside each peer."""
    alone, against_anyio = targets
    shown = sides[ours][key] / scale
    if alone:
        results.figure(GROUP, work, unit, shown, target=alone)
    for name in filter(sides.get, PYTHON_FORMS):
        results.figure(GROUP, work, unit, shown, sides[name][key] / scale, name, against_anyio if name == ANYIO else None)


def run(results, programs, runs):
    measured = measure(works(programs.processes, python_sides(results)), runs)
    report_hops(results, measured)
    starts = measured["start",]
    for key, work, target in (("first_us", "first call of a process, worker's start included", "<= 10"),
                              ("one_more_us", "call that starts one more worker", "<= 1")):
        report_against_python(results, starts, "weir", key, work, "ms", 1000, (target, None))
    for mib, _, form, title, alone, against_anyio in PAYLOADS:
        sides = measured["payload", mib]
        for key, what in ("p50_us", ""), ("cpu_us", ", CPU of all processes"):
            report_against_python(results, sides, form, key, f"{mib} MiB: {title}{what}", "us", 1,
                                  (None, None) if what else (alone, against_anyio))
    kills = measured["kill",]
    for key, which in ("late_p50_us", "median"), ("late_max_us", "worst"):
        report_against_python(results, kills, "weir", key, f"endless loop, deadline 100 ms: late by ({which})", "ms", 1000,
                              ("<= 5" if which == "median" else None, None))
    shut_in = measured["sandbox",]["weir"]
    plain = "the same without a sandbox"
    for key, work, other in (("shut_in_job_us", "job in a sandbox, 1 at a time", "job_us"),
                             ("shut_in_job_cpu_us", "job in a sandbox, CPU", "job_cpu_us"),
                             ("one_shot_job_us", "call that starts a sandboxed worker (one_shot)", "worker_us"),
                             ("shut_in_worker_us", "the first call with these sandbox options", "worker_us")):
        results.figure(GROUP, work, "us", shut_in[key], shut_in[other], plain)
    results.note(GROUP, f"Medians of {runs} rounds; hops for {SECONDS} s each. CPU is that of the caller and of all processes "
                        "below it. A worker polls for 10 to 50 us before it sleeps, also where the loop does not; where a "
                        "machine has one CPU neither does. anyio has no shared buffers: its peer in those rows is the same "
                        "bytes copied. Kill: anyio with cancellable=True; ProcessPoolExecutor cannot stop a function. "
                        "Its first call forks the measured process, which is small here.")
