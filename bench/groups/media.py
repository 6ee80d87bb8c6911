"""Forty preparations and 32 downloads at once through one server, and whether it still answers meanwhile."""
import contextlib
import hashlib
import http.client
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

from kit import mcp, median, peers, wire
from kit.pictures import source_pictures
from kit.processes import FamilyMemory, Process, forget_peak

GROUP = "media"
PREPARES, DOWNLOADS, VIDEO_BYTES = 40, 32, 7_691_516
PICTURE = "photo_12mp.jpg"


class FakeOpenai:
    """The stand-in for the provider, with videos of which each has its own bytes."""

    def __init__(self, programs):
        # It stands for another machine: with its 32 threads at the same priority it would take both cores while it fills
        # the sockets, and what is measured would be the scheduler.
        self.process = Process(["nice", "-n", "19", programs.fake_openai, "--video-ms", "1", "--video-bytes",
                                str(VIDEO_BYTES)])
        self.url = self.process.child.stdout.readline().decode().split()[-1]
        self.port = int(self.url.split(":")[2].split("/")[0])

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, json.dumps(body) if body else None,
                           {"Authorization": "Bearer sk-bench", "Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def make_videos(self, count):
        """{id: sha256}"""
        ids = [self.ask("POST", "/v1/videos", {"prompt": f"shot {n}", "model": "sora-2"})["id"] for n in range(count)]
        return {video: self.ask("GET", f"/_fake/sha256/{video}")["sha256"] for video in ids}


class Run:
    """A fresh server with a fresh folder, on stdio or HTTP."""

    def __init__(self, server, transport, base, pictures, fake):
        wire.normal_priority()
        self.media = pathlib.Path(tempfile.mkdtemp(prefix="media-", dir=base))
        for name in "videos", "images":
            (self.media / name).mkdir()
        shutil.copy(pictures / PICTURE, self.media / "images" / PICTURE)
        env = mcp.media_environment(self.media, fake.url)
        self.context = None
        if transport == "stdio":
            self.process = Process(server.stdio, env=env)
            self.wire = wire.StdioWire(self.process)
            wire.burst(self.wire, [mcp.INITIALIZE])
            self.wire.submit(0, mcp.HANDSHAKE[1])
        else:
            self.context = mcp.http_server(server, env)
            self.process, port = self.context.__enter__()
            self.wire = wire.HttpWire(port, mcp.LEGACY_HEADERS)
        wire.burst(self.wire, [mcp.request("tools/list")])
        # The first call of each kind opens folders, the job table and connections: a server that has run for a
        # minute has them.
        wire.burst(self.wire, [mcp.call("list_local_videos"), mcp.call("list_reference_images")])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.context:
            self.wire.close()
            self.context.__exit__(None, None, None)
        else:
            self.process.close()
        shutil.rmtree(self.media)

    def measure(self, requests, probe=None):
        forget_peak(self.process.pid)
        before = self.process.family_cpu_seconds()
        # Not beside a probe, which the looking would delay.
        with FamilyMemory(self.process.pid) if probe is None else contextlib.nullcontext() as family:
            answers, wall, took, late = wire.burst(self.wire, requests, probe)
        bad = [answer for answer in answers if not mcp.is_good(answer)]
        if bad:
            raise RuntimeError(f"{len(bad)} of {len(answers)} calls failed: {json.dumps(bad[0])[:500]}")
        alone = self.process.memory_mib("VmHWM")
        return {"wall": wall, "cpu": self.process.family_cpu_seconds() - before, "peak": alone,
                "peak of all": max(alone, family.peak_mib) if family else None, "probes": took, "late": late}


def prepares():
    return [mcp.call("prepare_reference_image", {"input_filename": PICTURE, "target_size": "1280x720",
                                                 "output_filename": f"out_{n}.png"}) for n in range(PREPARES)]


def downloads(videos):
    return [mcp.call("download_video", {"video_id": video, "filename": f"{video}.mp4"}) for video in videos]


def wrong_files(folder, videos):
    return [video for video, digest in videos.items()
            if hashlib.sha256((folder / f"{video}.mp4").read_bytes()).hexdigest() != digest]


def check_files(results, name, folder, videos):
    wrong = wrong_files(folder, videos)
    if wrong and name == "weir":
        results.failed(GROUP, f"weir: {len(wrong)} downloaded files have the wrong digest")
    elif wrong:
        results.note(GROUP, f"{name}: {len(wrong)} downloaded files have the wrong digest.")


def watched(run, videos):
    """Downloads once more with somebody looking. Returns what the watcher saw and how many files are wrong."""
    script = pathlib.Path(wire.__file__).parent / "watcher.py"
    folder = run.media / "videos"
    wire.normal_priority()
    watcher = subprocess.Popen([sys.executable, str(script), str(folder), str(VIDEO_BYTES)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    watcher.stdout.readline()
    run.measure(downloads(videos))
    seen = json.loads(watcher.communicate()[0])
    early = [name for name, digest in seen["digests"].items() if digest != videos.get(name.removesuffix(".mp4"))]
    return seen, len(early) + len(wrong_files(folder, videos))


def report(results, pair, rows, key, work, unit, target=None):
    ours, *others = [median([row[key] for row in rows[server.name]]) for server in pair]
    results.figure(GROUP, work, unit, ours, others[0] if others else None, pair[1].name if others else "none", target)


def report_watch(results, name, seen, wrong):
    text = (f"{name}: {DOWNLOADS} downloads at once under a watcher, {seen['scans']:,} looks into the folder: "
            f"{seen['sightings']:,} sightings of a file that was not complete, {wrong} wrong digests.")
    if name == "weir" and (seen["sightings"] or wrong):
        results.failed(GROUP, text + f" Names: {seen['names']}")
    else:
        results.note(GROUP, text)


def run(results, programs, runs):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    rounds = min(runs, 3)  # a round of the peer takes minutes
    pictures = source_pictures(programs)
    pair = [mcp.weir(programs)]
    try:
        bin_folder = peers.python("sanzaru")
        results.version(peers.sanzaru_versions(bin_folder))
        pair.append(mcp.sanzaru(bin_folder))
    except peers.Missing as why:
        results.note(GROUP, f"Sanzaru was not measured: {why}.")
    fake = FakeOpenai(programs)
    try:
        videos = fake.make_videos(DOWNLOADS)
        with tempfile.TemporaryDirectory(prefix="weir-bench-") as base:
            measure(results, pair, rounds, base, pictures, fake, videos)
    finally:
        fake.process.close()


def measure(results, pair, rounds, base, pictures, fake, videos):
    def fresh(server, transport):
        return Run(server, transport, base, pictures, fake)

    def all_rounds(transport, requests, probe=None):
        rows = {server.name: [] for server in pair}
        for _ in range(rounds):
            for server in pair:
                with fresh(server, transport) as one:
                    rows[server.name].append(one.measure(requests, probe))
                    if "download_video" in requests[-1]:
                        check_files(results, server.name, one.media / "videos", videos)
        return rows

    for title, requests, memory in (
            (f"{PREPARES} preparations of a 12 MP JPEG at once", prepares(), "<= 64 MiB"),
            (f"{DOWNLOADS} downloads of {VIDEO_BYTES:,} bytes at once", downloads(videos), None)):
        rows = all_rounds("http", requests)
        report(results, pair, rows, "wall", title + ", wall", "s")
        report(results, pair, rows, "cpu", title + ", CPU of the server and its processes", "s")
        report(results, pair, rows, "peak of all", title + ", peak memory of the server and its processes", "MiB", memory)
        report(results, pair, rows, "peak", title + ", peak memory of the server alone", "MiB")
    for server in pair:
        with fresh(server, "http") as one:
            report_watch(results, server.name, *watched(one, videos))
    for transport in "stdio", "http":
        rows = all_rounds(transport, prepares() + downloads(videos), mcp.request("tools/list"))
        for of in rows.values():
            for row in of:
                for name, part in ("p50", 0.5), ("p99", 0.99), ("max", 1):
                    row[name] = wire.percentile(row["probes"], part) * 1e3
                row["late"] = wire.percentile(row["late"], 0.99) * 1e3
        title = f"tools/list every 10 ms on {transport} during {PREPARES} preparations and {DOWNLOADS} downloads"
        report(results, pair, rows, "p50", title + ", p50", "ms")
        report(results, pair, rows, "p99", title + ", p99", "ms", "< 5 ms")
        report(results, pair, rows, "max", title + ", max", "ms")
        report(results, pair, rows, "late", title + ", of which the one who measures was late, p99", "ms")
        report(results, pair, rows, "peak", "peak memory of the server alone meanwhile, " + transport, "MiB")
        report(results, pair, rows, "wall", "until all of that is done, " + transport, "s")
    results.note(GROUP, f"Medians of {rounds} rounds, each with a fresh server. Downloads come from weir-fake-openai over "
                        "loopback, at the lowest priority, for it stands for another machine; each file has its own "
                        "bytes. CPU and memory of processes are those of the server and of all that descend from it, ended "
                        "ones too; what they share counts once, and memory is looked at every 50 ms. The one who measures "
                        "runs at real-time priority where it may, for it stands for another machine as well.")
