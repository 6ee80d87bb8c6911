"""Processes that are measured: their processor time, their memory, their end."""
import re
import subprocess
import time


def cpu_seconds(pid):
    """Processor time of a process with all its threads, ended ones too, in nanosecond steps (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


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

    def memory_mib(self, which="VmRSS"):
        return memory_mib(self.pid, which)
