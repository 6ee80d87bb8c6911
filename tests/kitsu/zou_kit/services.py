"""Starts PostgreSQL, Redis and zou's two programs as children on loopback, and tells what belongs to a run."""
import ctypes
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from . import KIT, Problem, last_lines

PATIENCE = 180  # seconds; a busy machine needs many of them
DATABASE, DATABASE_USER = "zoudb", "zou"
_prctl = ctypes.CDLL(None, use_errno=True).prctl


def _ends_with_parent(sign):
    """Something kills the keeper with SIGKILL: what it started ends as well (prctl(2), PR_SET_PDEATHSIG)."""
    return lambda: _prctl(1, sign, 0, 0, 0)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgresql_programs():
    """Debian keeps them out of PATH, a folder for each version."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        raise Problem("PostgreSQL's server is not installed: install the package postgresql-15")
    return pathlib.Path(initdb).parent


def database_account():
    """PostgreSQL refuses to run as root. Returns who runs it instead, or None: the user who runs this."""
    if os.getuid() != 0:
        return None
    for name in "postgres", "nobody":
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Problem("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody")


def private_folder(near, account):
    """A new folder which the database's user can reach: it has to enter each folder above."""
    if not account:
        return pathlib.Path(tempfile.mkdtemp(prefix="pg-", dir=near))
    for base in near, pathlib.Path(tempfile.gettempdir()), pathlib.Path("/tmp"), pathlib.Path("/var/tmp"):
        base = base.resolve()
        if base.is_dir() and all(folder.stat().st_mode & 1 for folder in (base, *base.parents)):
            made = pathlib.Path(tempfile.mkdtemp(prefix="weir-zou-pg-", dir=base))
            os.chown(made, account.pw_uid, account.pw_gid)
            return made
    raise Problem("there is no folder in which another user than root may keep a database (tried the folder of the run, "
                  "TMPDIR, /tmp and /var/tmp)")


def as_account(account):
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def is_alive(pid):
    """A zombie is gone: nobody can talk to it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class Services:
    """The programs of one run. `folder` is the run's own; `database` holds the cluster."""

    def __init__(self, folder, database, secrets, programs, options=None):
        self.folder, self.database, self.secrets, self.programs = folder, database, secrets, programs
        self.options = dict(options or {})
        self.account = database_account()
        self.logs = folder / "log"
        self.logs.mkdir(exist_ok=True)
        self.children = {}
        self.database_port = self.redis_port = None
        self.api = self.events = None

    # What zou is told.
    def environment(self):
        told = {"SECRET_KEY": self.secrets["secret_key"], "DB_HOST": "127.0.0.1", "DB_PORT": str(self.database_port),
                "DB_USERNAME": DATABASE_USER, "DB_PASSWORD": self.secrets["database_password"], "DB_DATABASE": DATABASE,
                "KV_HOST": "127.0.0.1", "KV_PORT": str(self.redis_port), "PREVIEW_FOLDER": str(self.folder / "previews"),
                "TMP_DIR": str(self.folder / "tmp"), "MAIL_ENABLED": "false", "MAIL_CHECK_DELIVERABILITY": "false",
                "BCRYPT_LOG_ROUNDS": "4", "USER_LIMIT": "1000", "NB_RECORDS_PER_PAGE": "100",
                "PYTHONPATH": str(KIT), "PYTHONDONTWRITEBYTECODE": "1"}
        for name, value in self.options.items():
            if name.isupper():
                told[name] = value
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "HOME") if name in os.environ}
        return {**kept, **told}

    def _start(self, name, command, dies_with=signal.SIGTERM, **more):
        """`more` is for Popen. Returns the child; its output is the log of that name."""
        with open(self.logs / f"{name}.log", "ab") as log:
            child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, preexec_fn=_ends_with_parent(dies_with), **more)
        self.children[name] = child
        return child

    def _wait(self, name, is_ready):
        end = time.monotonic() + PATIENCE
        while not is_ready():
            code = self.children[name].poll()
            if code is not None:
                raise Problem(f"{name} ended with {code} instead of starting; the end of its log:\n" +
                              last_lines(self.logs / f"{name}.log"))
            if time.monotonic() > end:
                raise Problem(f"{name} did not answer within {PATIENCE} s; the end of its log:\n" +
                              last_lines(self.logs / f"{name}.log"))
            time.sleep(0.03)

    def _with_a_free_port(self, start):
        """Between choosing a port and taking it another program may have taken it: then with another one."""
        for attempt in range(4):
            try:
                return start(free_port())
            except Problem:
                if attempt == 3:
                    raise

    def run(self, name, command, **more):
        """A program that ends; a Problem with the end of its log if it fails."""
        log = self.logs / f"{name}.log"
        with open(log, "ab") as output:
            done = subprocess.run([str(word) for word in command], stdin=more.pop("stdin", subprocess.DEVNULL),
                                  stdout=output, stderr=subprocess.STDOUT, **more)
        if done.returncode:
            raise Problem(f"{name} ended with {done.returncode}; the end of its log:\n{last_lines(log)}")

    # PostgreSQL.
    def make_cluster(self):
        password = self.database / "password"
        password.write_text(self.secrets["database_password"])
        if self.account:
            os.chown(password, self.account.pw_uid, self.account.pw_gid)
        self.run("initdb", [postgresql_programs() / "initdb", "-D", self.database / "data", "-U", DATABASE_USER, "-E", "UTF8",
                            "--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={password}", "--wal-segsize=1",
                            "--no-sync", "--no-instructions"], cwd="/", **as_account(self.account))
        password.unlink()

    def start_database(self):
        def start(port):
            settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off",
                        "synchronous_commit": "off", "full_page_writes": "off", "max_connections": 400, "jit": "off",
                        "shared_buffers": "32MB", "wal_level": "minimal", "max_wal_senders": 0, "autovacuum": "off"}
            # SIGQUIT: it stops at once, and so does it when it is told that its parent is gone.
            self._start("postgresql", [postgresql_programs() / "postgres", "-D", self.database / "data",
                                       *(f"--{name}={value}" for name, value in settings.items())],
                        signal.SIGQUIT, cwd="/", **as_account(self.account))
            self._wait("postgresql", self._database_is_ready)
            self.database_port = port
        self._with_a_free_port(start)

    def _database_is_ready(self):
        """The eighth line of postmaster.pid is what pg_ctl waits for too."""
        try:
            lines = (self.database / "data/postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.children["postgresql"].pid) and lines[7].strip() == "ready"

    def sql(self, text, database=DATABASE):
        """Runs SQL; returns what it prints, a row a line, tabs between columns."""
        done = subprocess.run([str(postgresql_programs() / "psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                               "-h", "127.0.0.1", "-p", str(self.database_port), "-U", DATABASE_USER, "-d", database],
                              input=text, capture_output=True, text=True,
                              env={"PGPASSWORD": self.secrets["database_password"], "PATH": os.environ["PATH"]})
        if done.returncode:
            raise Problem(f"psql: {done.stderr.strip()[-2000:]}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    # Redis: the package redis-tools holds the server under another name, and has no service that would be started.
    def start_redis(self):
        program = shutil.which("redis-server") or shutil.which("redis-check-rdb")
        if not program:
            raise Problem("Redis is not installed: install the package redis-tools (or redis-server)")

        def start(port):
            words = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir",
                     self.folder, "--set-proc-title", "no"]
            self._start("redis", words, executable=program)
            self._wait("redis", lambda: _redis_pid(port) == self.children["redis"].pid)
            self.redis_port = port
        self._with_a_free_port(start)

    # zou.
    def _serve(self, name, words, listener):
        """gunicorn takes over a socket that listens already: no port can be lost, and nobody is refused meanwhile."""
        self._start(name, [self.programs / "gunicorn", "-b", f"fd://{listener.fileno()}", "--no-control-socket",
                           "--access-logfile", self.logs / f"{name}-access.log", *words], env=self.environment(),
                    cwd=self.folder, pass_fds=[listener.fileno()])
        port = listener.getsockname()[1]
        listener.close()
        return f"http://127.0.0.1:{port}"

    def start_api(self, workers=2):
        self.api = self._serve("api", ["-c", KIT / "gunicorn_conf.py", "-w", workers, "wsgi:app"], _listener())

    def start_events(self):
        self.events = self._serve("events", ["-k", "geventwebsocket.gunicorn.workers.GeventWebSocketWorker", "-w", 1,
                                             "--timeout", 600, "--graceful-timeout", 2, "zou.event_stream:app"], _listener())

    def wait_for(self, name):
        url = getattr(self, name)
        self._wait(name, lambda: _answers(url))

    # The end.
    def pids(self):
        """{name: [pid of the program, pids of its workers]}"""
        found = {}
        for name, child in self.children.items():
            try:
                workers = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
            except OSError:
                workers = []
            found[name] = [child.pid, *map(int, workers if name in ("api", "events") else [])]
        return found

    def step_back(self, nice):
        """Lets others run first from now on; started is in a hurry, for somebody waits for it."""
        for pids in self.pids().values():
            for pid in pids:
                if os.getpriority(os.PRIO_PROCESS, pid) < nice:  # the other way only root may go
                    os.setpriority(os.PRIO_PROCESS, pid, nice)

    def stop(self, name):
        """PostgreSQL in an orderly way: its files shall be copied."""
        child = self.children.pop(name)
        child.send_signal(signal.SIGINT if name == "postgresql" else signal.SIGTERM)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def stop_all(self):
        """At once; what it wrote is thrown away. gunicorn would take seconds, with SIGQUIT too."""
        workers = [pid for name, pids in self.pids().items() if name in ("api", "events") for pid in pids[1:]]
        for name, child in self.children.items():
            if child.poll() is None:
                child.send_signal(signal.SIGQUIT if name == "postgresql" else signal.SIGKILL)
        for pid in workers:
            if is_alive(pid) and str(self.folder) in command_line(pid):
                os.kill(pid, signal.SIGKILL)
        for child in self.children.values():
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()


def _listener():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    return listener


def _redis_pid(port):
    """Whose port it is: another run's server may have taken it."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"INFO server\r\n")
            found = re.search(rb"process_id:(\d+)\r", connection.recv(4096))
            return int(found.group(1)) if found else None
    except OSError:
        return None


def _answers(url):
    try:
        with urllib.request.urlopen(url + "/", timeout=5) as answer:
            return answer.status < 500
    except urllib.error.HTTPError as refused:  # the events' root asks for a token
        return refused.code < 500
    except OSError:
        return False
