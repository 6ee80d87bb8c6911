"""Where the figures come from: without this no number means anything."""
import os
import platform
import re
import subprocess


def load():
    return "%.1f" % os.getloadavg()[0]


def cpu_name():
    with open("/proc/cpuinfo") as file:
        found = re.search(r"model name\s*:\s*(.*)", file.read())
    return found.group(1) if found else platform.machine()


def memory_gib():
    with open("/proc/meminfo") as file:
        return int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) / 2**20


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return "unknown"


def facts(load_before, programs, versions):
    """Pairs of a name and a text."""
    commit = first_line(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short", "HEAD"])
    return [
        ("machine", f"{len(os.sched_getaffinity(0))} cores, {cpu_name()}, {memory_gib():.0f} GiB"),
        ("system", f"{first_line(['sh', '-c', '. /etc/os-release; echo $PRETTY_NAME'])}, kernel {platform.release()}"),
        ("compiler", first_line([programs.compiler(), "--version"])),
        ("load average", f"{load_before} before, {load()} after (of the last minute; the measurement itself adds to it)"),
        ("weir", f"{first_line([programs.weir, '--version'])}, commit {commit}, {programs.flags()}"),
        ("peers", ", ".join(sorted(set(versions))) or "none"),
    ]
