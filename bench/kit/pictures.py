"""The source pictures, made once and kept in the cache folder."""
import hashlib
import shutil
import subprocess

from . import peers, say


def source_pictures(programs):
    """The folder of the pictures. A changed generator makes new ones."""
    with open(peers.HERE / "pictures/make_pictures.cpp", "rb") as source:
        folder = peers.cache() / ("pictures-" + hashlib.sha256(source.read()).hexdigest()[:12])
    if not (folder / "complete").exists():
        say(f"drawing the source pictures in {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        subprocess.run([programs.pictures, str(folder)], check=True)
        (folder / "complete").touch()
    return folder
