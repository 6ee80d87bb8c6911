"""Installs zou into the cache, with the versions that requirements.lock names."""
import contextlib
import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys

from . import KIT, VERSION, Problem, cache, last_lines, say

LOCK_FILE = KIT / "requirements.lock"
_used = []  # the locks that say what this process runs from, until its end


@contextlib.contextmanager
def locked(name, shared=False):
    """Several runs may start at once: one installs or fills, the others wait. Shared where the cache is only read."""
    with open(cache() / f"{name}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def programs():
    """Returns the folder of the environment's programs, installed where it is not yet."""
    wanted = LOCK_FILE.read_text()
    folder = cache() / ("venv-" + hashlib.sha256(wanted.encode()).hexdigest()[:12])
    mark = folder / "installed"
    used = open(f"{folder}.used", "a")
    fcntl.flock(used, fcntl.LOCK_SH)
    _used.append(used)
    if not mark.exists():
        with locked("venv"):
            if not mark.exists():
                _tidy(folder)
                _install(folder)
                mark.touch()
    return folder / "bin"


def _tidy(wanted):
    """Removes environments of other versions that nobody runs from."""
    for old in cache().glob("venv-*"):
        if old == wanted or not old.is_dir():
            continue
        with open(f"{old}.used", "a") as used:
            try:
                fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(old, ignore_errors=True)
            pathlib.Path(used.name).unlink()


def _install(folder):
    say(f"installing zou {VERSION} into {folder} (about a minute, 600 MB)")
    shutil.rmtree(folder, ignore_errors=True)
    log = cache() / "install.log"
    with open(log, "w") as output:
        # As constraints: which of them a version of Python needs is decided by pip.
        for command in ([sys.executable, "-m", "venv", folder],
                        [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                         "--constraint", LOCK_FILE, f"zou=={VERSION}"]):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            if done.returncode:
                raise Problem(f"zou {VERSION} could not be installed; the end of {log}:\n{last_lines(log)}")
