"""Processes that are measured: their processor time, their memory, their end."""
import os
import re
import subprocess
import threading
import time


def cpu_seconds(pid):
    """Processor time of a process with all its threads, ended ones too, in nanosecond steps (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def family(pid):
    """The process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            for thread in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{thread}/children") as file:
                    found += map(int, file.read().split())
        except OSError:
            continue  # it has ended
    return found


def family_cpu_seconds(pid):
    """Processor time of a process, of those that descend from it, and of those of them that have ended: the kernel adds
    their time to that of whoever waited for them (cutime and cstime of proc(5), in hundredths of a second)."""
    for _ in range(10):
        total, members = 0, family(pid)
        for member in members:
            try:
                with open(f"/proc/{member}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
            try:
                total += cpu_seconds(member)
            except OSError:  # a zombie has no clock any more
                total += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        if family(pid) == members:
            break  # nobody began or ended meanwhile, who would be counted twice or not at all
    return total


class FamilyMemory:
    """The most that a process and its descendants hold together, looked at every 50 ms: what they share counts once
    (Pss of /proc/PID/smaps_rollup). A peak that is shorter may be missed."""

    def __init__(self, pid):
        self.pid, self.peak_mib, self.over = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _watch(self):
        while not self.over.wait(0.05):
            total = 0
            for member in family(self.pid):
                try:
                    with open(f"/proc/{member}/smaps_rollup") as file:
                        total += int(re.search(r"^Pss:\s*(\d+)", file.read(), re.M).group(1))
                except (OSError, AttributeError):
                    continue  # it has ended
            self.peak_mib = max(self.peak_mib, total / 1024)


def memory_mib(pid, which="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"{which}:\s*(\d+)", file.read()).group(1)) / 1024


def forget_peak(pid):
    """Sets VmHWM back to what the process holds now."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


class Process:
    """A child with pipes. Nobody reads its standard error, nor, where `quiet`, its standard output: a server that logs
    there would stand still once a pipe is full."""

    def __init__(self, command, env=None, quiet=False):
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, env=env, stderr=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL if quiet else subprocess.PIPE)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for stream in self.child.stdin, self.child.stdout:
            try:
                if stream:
                    stream.close()
            except OSError:
                pass
        self.child.terminate()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def family_cpu_seconds(self):
        return family_cpu_seconds(self.pid)

    def memory_mib(self, which="VmRSS"):
        return memory_mib(self.pid, which)
