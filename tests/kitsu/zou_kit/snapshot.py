"""What is filled once is kept in the cache: the stopped cluster, the published files, and what is known of them."""
import hashlib
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile

from . import KIT, cache, install, read_json, say, write_json
from .fill import ADMIN, Filler
from .services import Services, postgresql_programs, private_folder

# What decides the content; another content is another snapshot.
MAKERS = ["snapshot.py", "fill.py", "media.py", "rows.sql", "requirements.lock"]


def _name():
    digest = hashlib.sha256(str(postgresql_programs()).encode())
    for name in MAKERS:
        digest.update((KIT / name).read_bytes())
    return "filled-" + digest.hexdigest()[:16]


def copy_tree(source, target):
    subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", str(target)], check=True)


def give(folder, account):
    """Files that were copied belong to who copied them."""
    if account:
        for path, _, names in os.walk(folder):
            for name in (path, *(os.path.join(path, name) for name in names)):
                os.chown(name, account.pw_uid, account.pw_gid)


def restore(programs, folder, database, account):
    """Puts a copy of the snapshot into the run's folders, makes it first where there is none; returns the facts."""
    while True:
        kept = cache() / _name()
        if not (kept / "facts.json").exists():
            with install.locked("filled"):
                if not (kept / "facts.json").exists():
                    _make(programs, kept)
        with install.locked("filled", shared=True):
            facts = read_json(kept / "facts.json")
            if facts is None:
                continue  # somebody with another version has tidied up meanwhile
            (database / "data").mkdir(mode=0o700)
            copy_tree(kept / "data", database / "data")
            copy_tree(kept / "previews", folder / "previews")
        give(database, account)
        return facts


def _make(programs, kept):
    say("filling a new server, once (about a minute)")
    for old in cache().glob("filled-*"):
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="filling-", dir=cache()))
    services = database = None
    try:
        known = {"secret_key": secrets.token_hex(32), "database_password": secrets.token_hex(16)}
        for name in "previews", "tmp":
            (folder / name).mkdir()
        services = Services(folder, folder, known, programs)
        services.database = database = private_folder(folder, services.account)
        services.make_cluster()
        services.start_database()
        services.start_redis()
        services.sql("create database zoudb template template0 encoding 'UTF8'", "postgres")
        for name, words in (("init-db", ["init-db"]), ("init-data", ["init-data", "--domain", "3d"]),
                            ("create-admin", ["create-admin", ADMIN[0], "--password", ADMIN[1]])):
            services.run(name, [programs / "zou", *words], env=services.environment(), cwd=folder)
        services.start_api()
        services.wait_for("api")
        facts = Filler(services).fill()
        services.stop("api")
        services.stop("postgresql")
        done = folder / "done"
        done.mkdir()
        (done / "data").mkdir(mode=0o700)
        copy_tree(database / "data", done / "data")
        (folder / "previews").rename(done / "previews")
        write_json(done / "facts.json", {**facts, **known})
        done.rename(kept)
    finally:
        if services:
            services.stop_all()
        for leftover in (database, folder):
            if leftover:
                shutil.rmtree(leftover, ignore_errors=True)
