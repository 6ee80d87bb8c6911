"""Installs zou into the cache, with the versions that requirements.lock names."""
import contextlib
import fcntl
import shutil
import subprocess
import sys

from . import KIT, VERSION, Problem, cache, last_lines, say

LOCK_FILE = KIT / "requirements.lock"


@contextlib.contextmanager
def locked(name, shared=False):
    """Several runs may start at once: one installs or fills, the others wait. Shared where the cache is only read."""
    with open(cache() / f"{name}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def programs():
    """Returns the folder of the environment's programs, installed where it is not yet."""
    folder, wanted = cache() / "venv", LOCK_FILE.read_text()
    mark = folder / "installed"

    def is_complete():
        return mark.exists() and mark.read_text() == wanted

    if not is_complete():
        with locked("venv"):
            if not is_complete():
                _install(folder)
                mark.write_text(wanted)
    return folder / "bin"


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
