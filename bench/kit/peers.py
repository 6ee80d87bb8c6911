"""Installs what Weir is compared with, outside the work tree, and says in one sentence what cannot be had."""
import os
import pathlib
import shutil
import subprocess
import sys

from . import say

HERE = pathlib.Path(__file__).resolve().parent.parent
PYTHON_PACKAGES = {
    "anyio": ["anyio==4.16.0"],
    "gazu": ["gazu[async]==1.3.1", "aiohttp==3.14.5"],
    "pillow": ["pillow==12.2.0"],
    # The versions that its own lock file names.
    "sanzaru": ["sanzaru[video,image]==0.10.0", "mcp==1.29.0", "openai==2.53.0", "pillow==12.2.0"],
}
NODE_PACKAGES = {
    "sharp": ["sharp@0.35.5"],
    "typescript": ["@modelcontextprotocol/server@2.4.0", "@modelcontextprotocol/node@2.1.2"],
}

TOKIO_VERSION = "tokio 1.54.1"


class Missing(Exception):
    """A peer cannot be had; its text is the reason."""


def cache():
    base = os.environ.get("WEIR_CACHE_DIR")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    folder = pathlib.Path(base) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def last_line(done):
    lines = [line for line in (done.stderr or done.stdout or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"it ended with {done.returncode}"


def attempt(command, what, **options):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, **options)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Missing(f"{what}: {problem}") from None
    if done.returncode:
        raise Missing(f"{what}: {last_line(done)}")
    return done.stdout


def is_complete(folder, packages):
    mark = folder / "installed"
    return mark.exists() and mark.read_text() == "\n".join(packages)


def python(name):
    """The folder with the programs of a Python environment that holds the peer."""
    folder, packages = cache() / f"python-{name}", PYTHON_PACKAGES[name]
    if not is_complete(folder, packages):
        say(f"installing {packages[0]} from PyPI into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        attempt([sys.executable, "-m", "venv", str(folder)], "a Python environment cannot be made")
        attempt([str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-q", "install", *packages],
                f"pip cannot install {packages[0]}")
        (folder / "installed").write_text("\n".join(packages))
    return folder / "bin"


def node(name):
    """The folder of a script's packages: scripts are copied into it, for node looks beside the script."""
    program = shutil.which("node")
    if not program:
        raise Missing("node is not installed")
    version = attempt([program, "--version"], "node does not run").strip()
    if int(version.lstrip("v").split(".")[0]) < (20 if name == "typescript" else 18):
        raise Missing(f"node {version} is too old")
    folder, packages = cache() / f"node-{name}", NODE_PACKAGES[name]
    if not is_complete(folder, packages):
        say(f"installing {packages[0]} from npm into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        attempt(["npm", "install", "--no-audit", "--no-fund", *packages], f"npm cannot install {packages[0]}", cwd=folder)
        (folder / "installed").write_text("\n".join(packages))
    for script in (HERE / "peers").glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def tokio():
    """The path of the program that measures tokio, built with Cargo where there is one."""
    if not shutil.which("cargo"):
        raise Missing("cargo is not installed")
    folder = cache() / "tokio"
    attempt(["cargo", "build", "--release", "--locked", "--manifest-path", str(HERE / "peers/tokio/Cargo.toml"),
             "--target-dir", str(folder)], "cargo cannot build tokio's program")
    return str(folder / "release/weir-bench-tokio")


def node_version():
    return "node " + attempt(["node", "--version"], "node does not run").strip()


def pillow_versions(bin_folder):
    """Which zlib a wheel found decides half of its time."""
    return attempt([str(bin_folder / "python"), "-c", "import platform, PIL, PIL.features as f; print("
                    "f'Pillow {PIL.__version__} (pip wheel; libjpeg-turbo {f.version(\"libjpeg_turbo\")}, "
                    "zlib {f.version(\"zlib\")}) on Python {platform.python_version()}')"], "Pillow does not run").strip()


def asio_version(programs):
    """Asio comes with the Boost that the library is built with; it is asked for like any header."""
    try:
        done = subprocess.run([programs.compiler(), "-E", "-P", "-x", "c++", "-include", "boost/version.hpp", "-"],
                              input="BOOST_LIB_VERSION\n", capture_output=True, text=True, check=True)
        return "Boost.Asio of Boost " + done.stdout.split()[-1].strip('"').replace("_", ".")
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "Boost.Asio of an unknown version"


def anyio_version(python_program):
    return attempt([python_program, "-c", "import platform; from importlib.metadata import version; print("
                    "f'anyio {version(\"anyio\")} on Python {platform.python_version()}')"], "anyio does not run").strip()


def gazu_version(bin_folder):
    return attempt([str(bin_folder / "python"), "-c", "import platform; from importlib.metadata import version; print("
                    "f'gazu {version(\"gazu\")} with aiohttp {version(\"aiohttp\")} on Python "
                    "{platform.python_version()}')"], "gazu does not run").strip()


def sanzaru_versions(bin_folder):
    return "Sanzaru 0.10.0 with mcp 1.29.0, openai 2.53.0 and the same " + pillow_versions(bin_folder)
