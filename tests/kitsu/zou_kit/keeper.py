"""The process that owns a run: parent of its programs, it ends them when told, when its time is over, or when the one for
whom it was started is gone. Should it be killed itself, the kernel ends them."""
import os
import pathlib
import shutil
import signal
import time
import urllib.parse

from . import VERSION, Problem, install, read_json, snapshot, tokens, write_json
from .services import DATABASE, DATABASE_USER, Services, command_line, database_account, is_alive, private_folder

FACTS, RUN = "zou.json", "run.json"


class Told(Exception):
    """The keeper was asked to end."""


def _told(*_):
    raise Told


def start_of(pid):
    """When a process started: together with its number this names it for ever. None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])
    except OSError:
        return None


class Keeper:
    def __init__(self, folder, options, nice):
        self.folder, self.options, self.nice = folder, options, nice
        self.services = self.database = None

    def keep(self, ttl, owner, report):
        """`owner` is a pid or None. Calls `report` with "ready", or with the problem."""
        signal.signal(signal.SIGTERM, _told)
        signal.signal(signal.SIGINT, _told)
        end, born = time.monotonic() + ttl, start_of(owner) if owner else None
        try:
            try:
                self._start()
                word = "ready"
            except Problem as problem:
                word, end = str(problem), 0
            report(word)
            while time.monotonic() < end and (not owner or (born and start_of(owner) == born)) and self.folder.exists():
                time.sleep(0.5)
        except Told:
            pass
        finally:
            for sign in signal.SIGTERM, signal.SIGINT:
                signal.signal(sign, signal.SIG_IGN)
            if self.services:
                self.services.stop_all()
            for leftover in self.database, self.folder:
                if leftover:
                    shutil.rmtree(leftover, ignore_errors=True)

    def _remember(self):
        write_json(self.folder / RUN, {"folder": str(self.folder), "database": str(self.database),
                                       "pids": [os.getpid(), *(pid for pids in self.services.pids().values() for pid in pids)]})

    def _start(self):
        programs = install.programs()
        for name in "previews", "tmp":
            (self.folder / name).mkdir()
        self.database = private_folder(self.folder, database_account())
        facts = snapshot.restore(programs, self.folder, self.database, database_account())
        known = {name: facts[name] for name in ("secret_key", "database_password")}
        self.services = services = Services(self.folder, self.database, known, programs, self.options)
        self._remember()
        services.start_redis()
        services.start_database()
        services.start_api(self.options.get("workers", 2))
        if self.options.get("events", "1") != "0":
            services.start_events()
        self._remember()
        for name in "api", "events":
            if getattr(services, name):
                services.wait_for(name)
        services.step_back(self.nice)
        self._remember()
        write_json(self.folder / FACTS, self._facts(facts))

    def _facts(self, facts):
        services, known = self.services, dict(facts)
        password = known.pop("database_password")
        pids, now, day = services.pids(), time.time(), 86400
        for person in known["persons"].values():
            # For tests of renewing: an access token of a minute ago, and a refresh token that still works.
            person["expired_token"] = tokens.access_token(known["secret_key"], person["id"], now - 7 * day - 60, 7 * day)
            person["refresh_token"] = tokens.access_token(known["secret_key"], person["id"], now - 7 * day - 60, 15 * day,
                                                          "refresh")
        return {"url": services.api, "api_url": services.api + "/api", "event_url": services.events, "version": VERSION,
                "options": self.options,
                "database": {"host": "127.0.0.1", "port": services.database_port, "name": DATABASE, "user": DATABASE_USER,
                             "password": password,
                             "url": f"postgresql://{DATABASE_USER}:{urllib.parse.quote(password)}@127.0.0.1:"
                                    f"{services.database_port}/{DATABASE}"},
                "redis_port": services.redis_port, "pids": {"keeper": [os.getpid()], **pids},
                "folder": str(self.folder), "logs": str(services.logs), "preview_folder": str(self.folder / "previews"),
                **known}


def end_run(folder):
    """Ends what runs with this folder and removes it. Only processes whose command line names the run are ended."""
    run = read_json(folder / RUN) or {}
    places = [str(folder), *([run["database"]] if run.get("database") else [])]

    def ours():
        return [pid for pid in run.get("pids", []) if is_alive(pid) and any(place in command_line(pid) for place in places)]

    def signal_all(pids, sign):
        for pid in pids:
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                pass

    # The keeper first: it ends the others. Then what it could not end.
    for chosen, sign, patience in ((ours()[:1], signal.SIGTERM, 25), (None, signal.SIGQUIT, 5), (None, signal.SIGKILL, 5)):
        signal_all(ours() if chosen is None else chosen, sign)
        end = time.monotonic() + patience
        while ours() and time.monotonic() < end:
            time.sleep(0.05)
        if not ours():
            break
    left = ours()
    if left:
        raise Problem(f"the processes {left} of {folder} do not end")
    for place in map(pathlib.Path, reversed(places)):
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
    return bool(run)
