"""The servers that the group `kitsu` measures against: a real zou, and one that replays what it answered."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from . import say
from .peers import Missing
from .processes import Process

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/kitsu"))

from zou_kit.api import Api  # noqa: E402
from zou_kit.media import noise_png  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu_with_ended_children(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def cpu_of_family(pid):
    """A process, the children that it has, and those that have ended."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = cpu_with_ended_children(pid)
    for child in children:
        try:
            total += cpu_with_ended_children(child)
        except OSError:  # it has just ended: the parent has its time now
            return cpu_of_family(pid)
    return total


class Zou:
    """tests/kitsu/zou, at normal priority and without what is not measured."""

    def __init__(self, folder):
        self.folder, self.command = folder, [sys.executable, "-B", str(ROOT / "tests/kitsu/zou")]
        say("starting a real zou (the first time it is installed and filled: minutes)")
        done = subprocess.run([*self.command, "up", "--dir", str(folder), "--nice", "0", "--options", "events=0",
                               "--ttl", "7200", "--owner", str(os.getpid())], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise Missing("no zou could be started; see above")
        self.facts = json.loads(done.stdout)
        self.api = Api(self.facts["api_url"])
        self.account = {"email": self.facts["admin"]["email"], "password": self.facts["admin"]["password"]}
        self.log = pathlib.Path(self.facts["logs"]) / "api-access.log"
        self.api.log_in(**self.account)

    def close(self):
        subprocess.run([*self.command, "down", "--dir", str(self.folder)], check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def host(self):
        return self.facts["api_url"]

    def cpu(self):
        pids = self.facts["pids"]
        return cpu_of_family(pids["api"][0]) + cpu_of_family(pids["postgresql"][0]) + cpu_of_family(pids["redis"][0])

    def requests_since(self, position):
        """How many requests it has logged since then, logins and logouts aside; and where its log ends now."""
        return requests_in(self.log, position)

    def previews_to_fill(self, count):
        """Records that wait for their file."""
        task, status = self.facts["task_id"], self.facts["task_statuses"]["wip"]
        comment = self.api.post(f"actions/tasks/{task}/comment", {"task_status_id": status, "comment": "measured"})["id"]
        return [self.api.post(f"actions/tasks/{task}/comments/{comment}/add-preview", {})["id"] for _ in range(count)]

    def ready(self, previews):
        return sum(self.api.get(f"data/preview-files/{one}")["status"] == "ready" for one in previews)


def requests_in(log, position):
    with open(log) as file:
        file.seek(position)
        lines = file.read().splitlines()
        return sum("/auth/log" not in line for line in lines), file.tell()


class Replay:
    """nginx with one worker, and as files what zou answered to the work `one_by_one`."""

    def __init__(self, zou, folder):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if not program:
            raise Missing("nginx is not installed (package nginx-light)")
        self.log, self.files = folder / "access.log", folder / "files"
        self.paths = self._record(zou)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.host = f"http://127.0.0.1:{port}"
        login = json.dumps({"login": True, "user": {"id": "0"}, "organisation": {}, "access_token": zou.api.token,
                            "refresh_token": zou.api.token})
        (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format short '$status $request_method $uri';
  access_log {self.log} short buffer=64k flush=100ms;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=10000;
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    default_type application/json;
    location = /auth/login {{ return 200 '{login}'; }}
    location = /auth/logout {{ return 200 '{{"logout": true}}'; }}
    location / {{ root {self.files}; }}
  }}
}}
""")
        self.process = Process([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")], quiet=True)
        for _ in range(200):
            try:
                Api(self.host).get("data/projects/open")
                return
            except OSError:
                time.sleep(0.05)
        self.process.close()
        raise Missing("nginx does not answer: " + (folder / "error.log").read_text()[-300:])

    def _record(self, zou):
        say("recording 2,004 answers")
        paths = ["data/projects/open"]
        paths += [f"data/projects/{project['id']}/shots" for project in self._keep(zou, paths[0])]
        shots = [shot["id"] for path in paths[1:] for shot in self._keep(zou, path)]
        for shot in shots:
            paths.append(f"data/shots/{shot}/tasks")
            self._keep(zou, paths[-1])
        return paths

    def _keep(self, zou, path):
        status, _, body = zou.api.raw("GET", path)
        if status != 200:
            raise Missing(f"zou answered {status} to {path}")
        target = self.files / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        return json.loads(body)

    def cpu(self):
        return self.process.cpu_seconds()

    def requests_since(self, position):
        time.sleep(0.2)  # its log is written every tenth of a second
        return requests_in(self.log, position)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.close()
