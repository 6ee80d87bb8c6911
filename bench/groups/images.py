"""Preparing one picture: processor time, peak memory and size of the file, beside Pillow, sharp and Sanzaru."""
import json
import pathlib
import shutil
import subprocess
import tempfile

from kit import mcp, median, peers, say
from kit.pictures import source_pictures
from kit.stdio import StdioClient

GROUP = "images"
TARGET = "1280x720"
CASES = [  # file, what it is called, targets against Pillow and sharp
    ("photo_12mp.jpg", "12 MP JPEG", ">= 5x", ">= 1.6x"),
    ("photo_4mp.png", "4 MP PNG", ">= 3.5x", ">= 1.6x"),
    ("photo_1024.jpg", "1024 x 1024 JPEG, up", ">= 8x", ">= 1.6x"),
    ("photo_12mp.webp", "12 MP WebP", ">= 3.5x", ">= 1.6x"),
    ("photo_12mp_progressive.jpg", "12 MP progressive JPEG", ">= 2.8x", ">= 1.4x"),
]
EACH = 3  # pictures a round; the first one of each process warms it up and does not count


def engines(results, programs):
    """Names and commands, ours first."""
    found = [("weir", [programs.prepare])]
    try:
        pillow = peers.python("pillow")
        results.version(peers.pillow_versions(pillow))
        found.append(("Pillow 12.2.0", [str(pillow / "python"), str(peers.HERE / "peers/pillow_prepare.py")]))
    except peers.Missing as why:
        results.note(GROUP, f"Pillow was not measured: {why}.")
    try:
        sharp = peers.node("sharp")
        results.version(f"sharp 0.35.5 on {peers.node_version()} (one thread, adaptive filters, level 2)")
        found.append(("sharp 0.35.5", ["node", str(sharp / "sharp_prepare.mjs")]))
    except peers.Missing as why:
        results.note(GROUP, f"sharp was not measured: {why}.")
    return found


def measure_engines(found, source, rounds, folder):
    """{name: {"cpu_ms": [...], "peak_kib": [...], "bytes": n}}, rounds alternating."""
    measured = {name: {"cpu_ms": [], "peak_kib": [], "bytes": 0} for name, _ in found}
    for _ in range(rounds):
        for name, command in found:
            done = subprocess.run([*command, str(source), str(folder / "out.png"), TARGET, str(EACH + 1)],
                                  capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{name} failed on {source.name}: {done.stderr[-500:]}")
            got = json.loads(done.stdout)
            measured[name]["cpu_ms"] += got["cpu_ms"][1:]
            measured[name]["peak_kib"].append(got["peak_kib"])
            measured[name]["bytes"] = got["bytes"]
    return measured


def in_process(results, programs, pictures, runs, folder):
    found = engines(results, programs)
    sizes = []
    for file, title, against_pillow, against_sharp in CASES:
        measured = measure_engines(found, pictures / file, runs, folder)
        ours = measured["weir"]
        targets = {"Pillow 12.2.0": against_pillow, "sharp 0.35.5": against_sharp}
        for name in list(measured)[1:] or ["none"]:
            other = measured.get(name)
            results.figure(GROUP, f"{title} to {TARGET}, one process", "CPU ms", median(ours["cpu_ms"]),
                           median(other["cpu_ms"]) if other else None, name, targets.get(name))
            results.figure(GROUP, f"{title}: peak memory of the process", "MiB", median(ours["peak_kib"]) / 1024,
                           median(other["peak_kib"]) / 1024 if other else None, name)
        text = ", ".join(f"{name} {values['bytes']:,}" for name, values in measured.items())
        if "Pillow 12.2.0" in measured:
            text += f" (weir {ours['bytes'] / measured['Pillow 12.2.0']['bytes'] - 1:+.1%} against Pillow)"
        sizes.append(f"{title}: {text}")
    results.note(GROUP, "Bytes of the PNG that was written: " + "; ".join(sizes) + ".")


def through_server(results, programs, pictures, runs, folder):
    """prepare_reference_image over stdio, one call after the other: processor time of the server and its processes."""
    servers = [mcp.weir(programs)]
    try:
        servers.append(mcp.sanzaru(peers.python("sanzaru")))
    except peers.Missing as why:
        results.note(GROUP, f"Sanzaru was not measured: {why}.")
    for file, title, *_ in CASES[:3]:
        spent = {server.name: [] for server in servers}
        for turn in range(runs):
            for server in servers:
                media = folder / f"{server.name.split()[0]}-{turn}-{pathlib.Path(file).stem}"
                (media / "images").mkdir(parents=True)
                shutil.copy(pictures / file, media / "images" / file)
                with StdioClient(server, mcp.media_environment(media)) as client:
                    for n in range(EACH + 1):
                        client.call("prepare_reference_image", {"input_filename": file, "target_size": TARGET,
                                                                "output_filename": f"out{n}.png"})
                        if n == 0:
                            before = client.process.family_cpu_seconds()
                    # All together: the time of processes that have ended is known to a hundredth of a second.
                    spent[server.name].append((client.process.family_cpu_seconds() - before) * 1e3 / EACH)
                shutil.rmtree(media)
        names = [server.name for server in servers]
        other = names[1] if len(names) > 1 else None
        results.figure(GROUP, f"{title} to {TARGET}, through the server on stdio", "CPU ms", median(spent["weir"]),
                       median(spent[other]) if other else None, other or "none")


def run(results, programs, runs):
    pictures = source_pictures(programs)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        in_process(results, programs, pictures, runs, pathlib.Path(folder))
        through_server(results, programs, pictures, runs, pathlib.Path(folder))
    say("pictures are measured")
