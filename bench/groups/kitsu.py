"""A pipeline's works against one Kitsu server: the client beside gazu.aio, and both where the server costs nothing."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from kit import median, peers, say
from kit.kitsu_server import Replay, Zou, noise_png
from kit.processes import memory_mib

GROUP = "kitsu"
UPDATES, DOWNLOADS, UPLOADS, UPLOAD_SIZE = 1000, 200, 50, (554, 416)
ROUNDS = 3  # of a work against the real server, which needs up to half a minute
TITLES = {"one_by_one": "2,000 shots with tasks, a request for each", "at_once": "2,000 shots with tasks, a request for each project",
          "updates": f"{UPDATES:,} updates of a task", "downloads": f"{DOWNLOADS} downloads of a 0.33 MB picture",
          "uploads": f"{UPLOADS} uploads of a 0.69 MB picture"}
EXPECTED = {"one_by_one": 6000, "at_once": 6000, "updates": UPDATES, "downloads": DOWNLOADS, "uploads": UPLOADS}
REPLAY = "2,004 recorded answers"
# What each side makes of them: gazu knows one way, and the client two.
REPLAY_TITLES = {"one_by_one": REPLAY, "into_structs": f"{REPLAY}, into structs"}


def sides(results, programs):
    """{name: command}, ours first."""
    found = {"weir": [programs.kitsu]}
    try:
        folder = peers.python("gazu")
        results.version(peers.gazu_version(folder))
        found["gazu"] = [str(folder / "python"), str(peers.HERE / "peers/gazu_works.py")]
    except peers.Missing as why:
        results.note(GROUP, f"gazu was not measured: {why}.")
    return found


def clients_work(command, work, asked, server):
    """One process does one work. Returns what it said, with what it caused."""
    time.sleep(0.2)  # until what was asked before is in its log
    _, position = server.requests_since(server.log.stat().st_size)
    cpu = server.cpu()
    done = subprocess.run([*command, work], input=json.dumps(asked), capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{command[0]} {work} failed: {done.stderr.strip()[-800:]}")
    got = json.loads(done.stdout)
    got["server_cpu"] = server.cpu() - cpu
    got["requests"], _ = server.requests_since(position)
    return got


class Works:
    """What each work needs, and whether it was done."""

    def __init__(self, zou, base):
        self.zou, self.base = zou, base
        self.picture = base / "picture.png"
        self.picture.write_bytes(noise_png("upload", *UPLOAD_SIZE))
        project = zou.facts["projects"]["Aurora"]
        self.tasks = [row["id"] for row in zou.api.get(f"data/tasks?project_id={project}")][:UPDATES]
        self.previews = [one for one in zou.facts["previews"] if one["kind"] == "picture"][:DOWNLOADS]
        self.priority = 0
        for one in self.previews:  # the first download of each costs the server three times as much
            zou.api.raw("GET", one["path"])

    def prepare(self, work):
        asked = {"host": self.zou.host, **self.zou.account}
        if work == "updates":
            self.priority = self.priority % 3 + 1
            asked |= {"tasks": self.tasks, "priority": self.priority}
        elif work == "downloads":
            asked |= {"folder": tempfile.mkdtemp(dir=self.base),
                      "files": [{"path": one["path"], "name": one["id"] + ".png"} for one in self.previews]}
        elif work == "uploads":
            asked |= {"picture": str(self.picture), "previews": self.zou.previews_to_fill(UPLOADS)}
        return asked

    def wrong(self, work, asked, got):
        """What is not as it should be afterwards; empty where nothing is."""
        if got["done"] != EXPECTED[work]:
            return f"{got['done']} of {EXPECTED[work]} done"
        if work == "downloads":
            folder = pathlib.Path(asked["folder"])
            bad = [one for one in self.previews
                   if hashlib.sha256((folder / f"{one['id']}.png").read_bytes()).hexdigest() != one["sha256"]]
            shutil.rmtree(folder)
            return f"{len(bad)} files have the wrong digest" if bad else ""
        if work == "uploads":
            ready = self.zou.ready(asked["previews"])
            return "" if ready == UPLOADS else f"{ready} of {UPLOADS} previews are ready"
        if work == "updates":
            rows = {row["id"]: row for row in self.zou.api.get(f"data/tasks?project_id={self.zou.facts['projects']['Aurora']}")}
            bad = sum(rows[task]["priority"] != asked["priority"] for task in self.tasks)
            return f"{bad} tasks were not updated" if bad else ""
        return ""


def measure_real(results, found, works, rounds):
    rows = {work: {name: [] for name in found} for work in TITLES}
    for turn in range(rounds):
        say(f"  round {turn + 1} of {rounds}")
        for work in TITLES:
            # Who comes second finds warm caches: by turns.
            for name in (list(found) if turn % 2 == 0 else list(found)[::-1]):
                asked = works.prepare(work)
                got = clients_work(found[name], work, asked, works.zou)
                say(f"    {work}, {name}: {got['wall']:.2f} s, {got['requests']} requests")
                wrong = works.wrong(work, asked, got)
                if wrong and name == "weir":
                    results.failed(GROUP, f"weir, {TITLES[work]}: {wrong}")
                elif wrong:
                    results.note(GROUP, f"{name}, {TITLES[work]}: {wrong}.")
                rows[work][name].append(got)
    return rows


def middle(rows, key):
    return median([row[key] for row in rows])


FIGURES = [("wall", "s", "wall"), ("requests", "requests", "requests sent"), ("cpu", "s", "CPU of the client"),
           ("server_cpu", "s", "CPU of the server"), ("peak_mib", "MiB", "peak memory of the client")]


def report(results, title, by_name, figures=FIGURES, targets=None):
    for key, unit, what in figures:
        ours = middle(by_name["weir"], key)
        others = [name for name in by_name if name != "weir" and all(key in row for row in by_name[name])]
        for name in others or [None]:
            results.figure(GROUP, f"{title}, {what}", unit, ours, middle(by_name[name], key) if name else None,
                           name or "none", (targets or {}).get((key, name)))


def curl(replay, base):
    """The whole process, its start included: it cannot be asked for less."""
    urls = base / "urls"
    urls.write_text("".join(f'url = "{replay.host}/{path}"\noutput = /dev/null\n' for path in replay.paths))
    begin, peak = time.perf_counter(), 0
    child = subprocess.Popen(["curl", "--silent", "--fail", "--parallel", "--parallel-max", "8", "--config", str(urls)],
                             stderr=subprocess.DEVNULL)  # it shows its progress there, whatever one asks
    while True:
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        try:
            peak = max(peak, memory_mib(child.pid, "VmHWM"))
        except (OSError, AttributeError):  # it is just ending
            pass
        time.sleep(0.005)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise peers.Missing(f"curl ended with {child.returncode}")
    return {"wall": time.perf_counter() - begin, "cpu": used.ru_utime + used.ru_stime, "peak_mib": peak}


def measure_replay(results, found, zou, base, runs):
    with tempfile.TemporaryDirectory(dir=base) as folder, Replay(zou, pathlib.Path(folder)) as replay:
        ways = [("weir", work) for work in REPLAY_TITLES] + [(name, "one_by_one") for name in found if name != "weir"]
        rows = {}
        asked = {"host": replay.host, **zou.account}
        for turn in range(runs):
            for name, work in (ways if turn % 2 == 0 else ways[::-1]):
                got = clients_work(found[name], work, asked, replay)
                if got["done"] != EXPECTED["one_by_one"]:
                    raise RuntimeError(f"{name} saw {got['done']} tasks in the replay")
                rows.setdefault(work if name == "weir" else name, []).append(got)
            try:
                rows.setdefault("curl", []).append(curl(replay, pathlib.Path(folder)))
            except (OSError, peers.Missing) as why:
                results.note(GROUP, f"curl was not measured: {why}.")
                rows.pop("curl")
                break
    others = {name: got for name, got in rows.items() if name not in REPLAY_TITLES}
    for work, title in REPLAY_TITLES.items():
        report(results, title, {"weir": rows[work], **others}, [one for one in FIGURES if one[0] != "server_cpu"],
               {("cpu", "gazu"): ">= 5x", ("peak_mib", "gazu"): ">= 5x", ("cpu", "curl"): ">= 1x"})
    results.note(GROUP, "Of the recorded answers Weir and gazu keep every row with all its fields, as JSON values and "
                        "dicts, and curl keeps nothing; \"into structs\" Weir reads over what its structs do not name and "
                        "keeps 2 fields of a shot and 5 of a task, while gazu, which has no such way, keeps all.")


def run(results, programs, runs):
    rounds = min(runs, ROUNDS)
    found = sides(results, programs)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as name:
        base = pathlib.Path(name)
        try:
            zou = Zou(base / "zou")
        except peers.Missing as why:
            results.note(GROUP, f"Nothing was measured: {why}.")
            return
        with zou:
            results.version(f"zou {zou.facts['version']}")
            rows = measure_real(results, found, Works(zou, base), rounds)
            for work, title in TITLES.items():
                report(results, title, rows[work])
            if "gazu" in found:
                best, theirs = rows["at_once"]["weir"], rows["one_by_one"]["gazu"]
                results.figure(GROUP, "2,000 shots with tasks, as each library's page does it, wall", "s", middle(best, "wall"),
                               middle(theirs, "wall"), "gazu", ">= 20x")
                raised = max(row.get("raised", 0) for row in rows["uploads"]["gazu"])
                results.note(GROUP, f"gazu's upload raised TypeError in {raised} of {UPLOADS} calls, after the server had stored "
                                    "the file: counted as done.")
            try:
                measure_replay(results, found, zou, base, runs)
            except peers.Missing as why:
                results.note(GROUP, f"The replay was not measured: {why}.")
    results.note(GROUP, f"Medians of {rounds} rounds against one zou (2 workers, 3 productions, 2,000 shots, 6,000 tasks), with "
                        f"client and server on the same cores; of {runs} rounds against the recorded answers, which nginx gives "
                        "with one worker. Times and CPU of a client are those of the work: without its start and login; peak "
                        "memory is the whole process's, and so is everything of curl's. Each picture was downloaded once before. CPU of the server: zou, PostgreSQL and "
                        "Redis. Weir has at most 8 calls and 4 transfers under way, gazu 100.")
