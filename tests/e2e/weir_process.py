"""Folders, processes and commands: what every end-to-end test starts with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

_arguments, sys.argv = sys.argv, sys.argv[:1]
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "fakes"))
import fake_process  # noqa: E402  (it takes its program from the command line, which belongs to unittest here)
from fake_process import Fake, png, png_size  # noqa: E402,F401
sys.argv = _arguments

WEIR = os.environ.get("WEIR") or "weir"
fake_process.PROGRAM = os.environ.get("WEIR_FAKE_OPENAI") or "weir-fake-openai"
PATIENCE = 120


class Place:
    """Folders of one test: media, recovery, home, and one outside that no call may reach."""

    def __init__(self):
        # Of everybody, so that a test can run the server as another user; short, so that a socket's path fits.
        self.base = Path(tempfile.mkdtemp(prefix="weir-e2e-"))
        self.base.chmod(0o755)
        self.media, self.recovery = self.base / "media", self.base / "recovery"
        self.home, self.outside, self.work = self.base / "home", self.base / "outside", self.base / "work"
        self.images, self.videos = self.media / "images", self.media / "videos"
        for folder in (self.images, self.videos, self.recovery, self.home, self.outside, self.work):
            folder.mkdir(parents=True)

    def env(self, **more):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.home),
               "WEIR_MEDIA_DIR": str(self.media), "WEIR_RECOVERY_DIR": str(self.recovery), "WEIR_PROVIDER": "slate"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(more)
        return {k: v for k, v in env.items() if v is not None}

    def openai(self, fake, **more):
        """The environment for the openai provider against `fake`."""
        return self.env(**{"WEIR_PROVIDER": "openai", "OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": fake.base_url, **more})

    def picture(self, name="photo.png", width=64, height=36, data=None):
        path = self.images / name
        path.write_bytes(png(width, height) if data is None else data)
        return path

    def jpeg(self, name, width, height):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={width}x{height}",
                        "-frames:v", "1", "-q:v", "4", "-update", "1", str(self.images / name)],
                       check=True, stdin=subprocess.DEVNULL)
        return self.images / name

    def close(self):
        shutil.rmtree(self.base, ignore_errors=True)


class Process:
    """A running weir; its standard error is kept."""

    def __init__(self, place, arguments, env=None, command=(), cwd=None, stdin=subprocess.PIPE, preexec=None,
                 program=None):
        self.place = place
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*command, program or WEIR, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=self.log,
            env=place.env() if env is None else env, cwd=cwd or place.work, preexec_fn=preexec, bufsize=0)
        self.pid = self.process.pid

    def stderr(self):
        self.log.flush()
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def status(self, field):
        """A figure of /proc/PID/status in KiB, for example VmHWM."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def children(self):
        """Process ids of all descendants that are not dead."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    rest = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if rest[0] not in "ZX":
                    parents.setdefault(int(rest[1]), []).append(int(entry))
        found, todo = [], [self.pid]
        while todo:
            below = parents.get(todo.pop(), [])
            found += below
            todo += below
        return found

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self, timeout=PATIENCE):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


class Ran:
    """One command that has ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def envelope(self):
        found = self.lines()
        if len(found) != 1:
            raise AssertionError(f"{len(found)} envelopes: {self.out!r}, {self.err!r}")
        return found[0]


def run(place, *arguments, env=None, cwd=None, text=None, timeout=PATIENCE, program=None):
    done = subprocess.run([program or WEIR, *arguments], env=place.env() if env is None else env, cwd=cwd or place.work,
                          input=text.encode() if text is not None else None,
                          stdin=subprocess.DEVNULL if text is None else None, capture_output=True, timeout=timeout)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def until(condition, what, timeout=PATIENCE, pause=0.02):
    """Waits for `condition`; returns what it gives."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not in {timeout} s: {what}")
        time.sleep(pause)
    return value


class WithPlace(unittest.TestCase):
    """A test with folders of its own."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
