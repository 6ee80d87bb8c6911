"""How long it takes to build everything from nothing. Asked for by --build-time alone, for it takes minutes."""
import os
import subprocess
import tempfile
import time

from . import build, say

GROUP = "build"
CORES = 2


def timed(command, env):
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, cwd=build.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise build.BuildError(f"{' '.join(command)} failed:\n{output[-4000:]}")
    return time.monotonic() - start, used.ru_utime + used.ru_stime


def measure(results, programs):
    """The program first, then what else there is (tests, examples), into a folder that was empty."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("CMAKE_", "CCACHE_"))}
    env["CCACHE_DISABLE"] = "1"
    pinned = ["taskset", "-c", ",".join(map(str, cores))]
    with tempfile.TemporaryDirectory(prefix="weir-build-") as folder:
        say(f"building everything from nothing on {len(cores)} cores")
        timed(["cmake", "--preset", "release", "-B", folder, f"-DCMAKE_CXX_COMPILER={programs.compiler()}"], env)
        spent = [0.0, 0.0]
        for targets, what in (["weir_app"], "the program"), ([], "all of it, with tests and examples"):
            taken = timed([*pinned, "ninja", "-C", folder, f"-j{len(cores)}", *targets], env)
            spent = [before + more for before, more in zip(spent, taken)]
            for value, unit in zip(spent, ("s", "CPU s")):
                results.figure(GROUP, f"{what}, from nothing, {len(cores)} cores", unit, value)
    results.note(GROUP, "Release preset, no ccache, once.")
