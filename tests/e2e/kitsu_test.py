"""`weir kitsu` against a real server: who may log in, what lists say, what a pull and a push leave behind."""

import fcntl
import hashlib
import json
import os
import pty
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata
import unittest
from pathlib import Path

from holding_proxy import HoldingProxy
from tls_front import TlsFront
from weir_client import PATIENCE, WEIR, Place, png, run, until

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "kitsu"))
from zou_kit.api import Api, Refused  # noqa: E402
from zou_kit.tokens import totp  # noqa: E402

if "WEIR_ZOU" not in os.environ:
    sys.exit("set WEIR_ZOU to the zou.json of a running server: tests/kitsu/zou up")
FACTS = json.loads(Path(os.environ["WEIR_ZOU"]).read_text())
HOST = FACTS["url"]
ADMIN = FACTS["admin"]


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Kitsu(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)
        self.file = self.place.home / ".config/weir/kitsu.json"

    def env(self, host=HOST, **more):
        """Logged in as the administrator, without a file."""
        return self.place.env(KITSU_HOST=host, KITSU_EMAIL=ADMIN["email"], KITSU_PASSWORD=ADMIN["password"], **more)

    def weir(self, *arguments, text=None, env=None):
        return run(self.place, "kitsu", *arguments, text=text, env=env or self.place.env())

    def as_admin(self, *arguments, **more):
        return self.weir(*arguments, env=self.env(**more))

    def result(self, *arguments):
        ran = self.as_admin(*arguments, "--json")
        self.assertEqual(ran.code, 0, ran.err)
        return ran.envelope()["result"]

    def login(self, person, *more):
        account = ADMIN if person == "admin" else FACTS["persons"][person + "@example.com"]
        return self.weir("login", HOST, "--email", account["email"], "--password-stdin", *more, text=account["password"] + "\n")

    def api(self):
        api = Api(FACTS["api_url"])
        api.log_in(ADMIN["email"], ADMIN["password"])
        return api


class Terminal:
    """A program on a terminal of its own: what it writes, and what is typed."""

    def __init__(self, place, *arguments, env=None, columns=80):
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([WEIR, *arguments], stdin=side, stdout=side, stderr=side, cwd=place.work,
                                        env=place.env(TERM="xterm") if env is None else env, start_new_session=True)
        os.close(side)
        self.bytes = b""

    @property
    def shown(self):
        return self.bytes.decode(errors="replace")

    def read(self, seconds):
        if select.select([self.main], [], [], seconds)[0]:
            try:
                data = os.read(self.main, 65536)
            except OSError:
                return False
            self.bytes += data
            return bool(data)
        return True

    def expect(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            if time.monotonic() > end or not self.read(0.2):
                raise AssertionError(f"{text!r} did not come: {self.shown!r}")

    def type(self, line):
        os.write(self.main, line.encode() + b"\n")

    def end(self):
        end = time.monotonic() + PATIENCE
        while self.read(0.1) and time.monotonic() < end:
            if self.process.poll() is not None and not select.select([self.main], [], [], 0.1)[0]:
                break
        code = self.process.wait(PATIENCE)
        os.close(self.main)
        return code


class Login(Kitsu):
    def test_the_tokens_are_their_users_alone(self):
        before = os.umask(0)
        try:
            ran = self.login("admin")
        finally:
            os.umask(before)
        self.assertEqual((ran.code, ran.out), (0, ""), ran.err)
        self.assertIn("logged in to " + HOST, ran.err)
        self.assertEqual(self.file.stat().st_mode & 0o7777, 0o600)
        self.assertEqual(self.file.parent.stat().st_mode & 0o7777, 0o700)
        kept = json.loads(self.file.read_text())
        self.assertEqual((kept["host"], kept["email"]), (HOST, ADMIN["email"]))
        self.assertNotIn(ADMIN["password"], self.file.read_text())
        self.assertIn("Aurora", self.weir("projects").out)

    def test_files_that_are_not_safe_are_refused(self):
        self.login("admin")
        self.file.chmod(0o644)
        ran = self.weir("projects")
        self.assertEqual((ran.code, ran.out), (3, ""))
        self.assertIn("others may read", ran.err)
        self.assertIn("chmod 600", ran.err)
        self.assertEqual(self.login("admin").code, 3)
        real = self.file.with_name("real.json")
        self.file.rename(real)
        real.chmod(0o600)
        self.file.symlink_to(real)
        self.assertIn("it is a link", self.weir("projects").err)
        self.assertEqual(self.weir("logout").code, 0)
        self.assertTrue(real.exists())

    def test_each_refusal_says_what_to_do(self):
        wrong = self.weir("login", HOST, "--email", ADMIN["email"], "--password-stdin", text="wrong\n")
        self.assertEqual((wrong.code, wrong.out), (3, ""))
        self.assertIn("wrong e-mail address or password", wrong.err)
        for person, words in (("disabled", "Ask who administers"), ("default", "a new password"),
                              ("recovery", "--recovery-code CODE")):
            with self.subTest(person=person):
                ran = self.login(person)
                self.assertEqual((ran.code, ran.out), (3, ""))
                self.assertIn(words, ran.err)
        told = self.login("recovery", "--json").envelope()
        self.assertEqual((told["ok"], told["error"]["type"], told["login"]), (False, "config", "code_wanted"))
        self.assertFalse(self.file.exists())

    def test_a_locked_account(self):
        for _ in range(7):
            ran = self.weir("login", HOST, "--email", "lockout@example.com", "--password-stdin", "--json", text="no\n")
            if ran.envelope()["login"] == "locked":
                break
        self.assertEqual(ran.envelope()["login"], "locked")
        self.assertIn("Wait 60 seconds", ran.err)

    def test_second_factors(self):
        person = FACTS["persons"]["totp@example.com"]
        self.assertIn("not right", self.login("totp", "--code", "000000").err)
        self.assertEqual(self.login("totp", "--code", totp(person["otp_secret"])).code, 0)
        # Each works once, and this server may have served this test before.
        codes = random.sample(FACTS["persons"]["recovery@example.com"]["recovery_codes"][4:], 3)
        self.assertIn(0, (self.login("recovery", "--recovery-code", code).code for code in codes))

    def test_password_and_code_are_asked_without_echo(self):
        person = FACTS["persons"]["totp@example.com"]
        terminal = Terminal(self.place, "kitsu", "login", HOST)
        terminal.expect("E-mail address: ")
        terminal.type("totp@example.com")
        terminal.expect("Password of totp@example.com: ")
        terminal.type(person["password"])
        terminal.expect("Code, or recovery code")
        code = totp(person["otp_secret"])
        terminal.type(code)
        terminal.expect("logged in to")
        self.assertEqual(terminal.end(), 0)
        self.assertIn("totp@example.com\r\n", terminal.shown)
        self.assertNotIn(person["password"], terminal.shown)
        self.assertNotIn(code, terminal.shown)

    def test_an_interrupted_question_leaves_the_terminal_as_it_was(self):
        terminal = Terminal(self.place, "kitsu", "login", HOST, "--email", "x@example.com")
        terminal.expect("Password")
        self.assertFalse(termios.tcgetattr(terminal.main)[3] & termios.ECHO)
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.process.wait(PATIENCE), 130)
        self.assertTrue(termios.tcgetattr(terminal.main)[3] & termios.ECHO)
        os.close(terminal.main)

    def test_an_interrupt_that_comes_before_the_wait_is_not_lost(self):
        for _ in range(20):
            terminal = Terminal(self.place, "kitsu", "login", HOST, "--email", "x@example.com")
            until(lambda: not termios.tcgetattr(terminal.main)[3] & termios.ECHO, "a terminal without echo", pause=0)
            terminal.process.send_signal(signal.SIGINT)  # the prompt may not even be written
            self.assertEqual(terminal.process.wait(PATIENCE), 130)
            self.assertTrue(termios.tcgetattr(terminal.main)[3] & termios.ECHO)
            os.close(terminal.main)

    def test_a_password_is_never_an_argument(self):
        ran = self.weir("login", HOST, "--email", ADMIN["email"], "--password", ADMIN["password"])
        self.assertEqual(ran.code, 2)
        ran = self.weir("login", HOST, "--email", ADMIN["email"])
        self.assertEqual(ran.code, 2)
        self.assertIn("--password-stdin", ran.err)

    def test_a_bot(self):
        self.assertEqual(self.weir("login", HOST, "--bot-token-stdin", text="nonsense\n").code, 1)
        self.assertFalse(self.file.exists())
        ran = self.weir("login", HOST, "--bot-token-stdin", text=FACTS["bot"]["token"] + "\n")
        self.assertEqual(ran.code, 0, ran.err)
        self.assertIn("Aurora", self.weir("projects").out)
        self.assertIn("a bot's token", self.weir("logout").err)

    def test_addresses_that_are_none(self):
        self.assertIn("no scheme", self.weir("login", "kitsu.example.com", "--email", "a@b.c", "--password-stdin", text="x").err)
        ran = self.weir("login", "http://kitsu.example.com/api", "--email", "a@b.c", "--password-stdin", text="x")
        self.assertEqual(ran.code, 2)
        self.assertIn("not encrypted", ran.err)
        ran = self.weir("login", "http://127.0.0.1:1/api", "--email", "a@b.c", "--password-stdin", text="x")
        self.assertEqual(ran.code, 1)

    def test_a_server_that_wants_to_see_a_certificate(self):
        front = TlsFront(HOST, self.place.work)
        self.addCleanup(front.close)
        command = ("login", front.url, "--email", ADMIN["email"], "--password-stdin")
        ran = self.weir(*command, text=ADMIN["password"])
        self.assertEqual((ran.code, ran.out), (1, ""), ran.err)
        self.assertIn("certificate", ran.err)
        ran = self.weir(*command, "--ca-file", "ca.pem", text=ADMIN["password"])
        self.assertEqual((ran.code, ran.out), (1, ""), ran.err)
        ran = self.weir(*command, "--ca-file", "ca.pem", "--client-certificate", "client.pem", text=ADMIN["password"])
        self.assertEqual(ran.code, 0, ran.err)
        # Both are kept with the login, also for commands in another folder.
        ran = run(self.place, "kitsu", "projects", cwd=self.place.home)
        self.assertIn("Aurora", ran.out, ran.err)
        self.assertEqual(run(self.place, "kitsu", "logout", cwd=self.place.home).code, 0)

    def test_logging_out(self):
        ran = self.weir("logout")
        self.assertEqual(ran.code, 0)
        self.assertIn("nobody is logged in", ran.err)
        self.login("admin")
        token = json.loads(self.file.read_text())["access_token"]
        ran = self.weir("logout")
        self.assertEqual((ran.code, ran.out), (0, ""))
        self.assertIn("revoked", ran.err)
        self.assertFalse(self.file.exists())
        env = self.place.env(KITSU_HOST=HOST, KITSU_TOKEN=token)
        self.assertIn("401", self.weir("projects", env=env).err)
        ran = self.weir("projects")
        self.assertEqual((ran.code, ran.out), (3, ""))
        self.assertIn("weir kitsu login", ran.err)


class Lists(Kitsu):
    def test_projects(self):
        shown = self.as_admin("projects").out.splitlines()
        self.assertTrue(shown[0].startswith("NAME"))
        self.assertEqual([line.split()[0] for line in shown[1:]], ["Aurora", "Bastion", "Cinder"])
        self.assertEqual(self.result("projects", "--all")["count"], FACTS["counts"]["projects"])

    def test_shots(self):
        counts = {name: self.result("shots", "--project", name)["count"] for name in FACTS["projects"]}
        self.assertEqual(sum(counts.values()), 2000)
        shown = self.as_admin("shots", "--project", "aurora").out.splitlines()
        self.assertEqual(len(shown), counts["Aurora"] + 1)
        some = self.result("shots", "--project", "Aurora", "--sequence", "SQ01", "--fields", "name,data.frame_in")["shots"]
        self.assertGreater(len(some), 10)
        self.assertEqual(set(some[0]), {"name", "data.frame_in"})
        self.assertEqual(some[0]["data.frame_in"], 101)
        ran = self.as_admin("shots", "--project", "Aurora", "--sequence", "SQ01", "--fields", "nane,data.frame_in")
        self.assertEqual(ran.code, 0)
        self.assertIn("no shot has a field \"nane\" (did you mean 'name'?)", ran.err)
        self.assertNotIn("frame_in", ran.err)

    def test_shots_with_their_tasks_line_by_line(self):
        ran = self.as_admin("shots", "--project", "Bastion", "--with-tasks", "--jsonl")
        shots = ran.lines()
        self.assertEqual(sum(len(shot["tasks"]) for shot in shots), FACTS["tasks_of_project"]["Bastion"])
        self.assertEqual({shot["project_name"] for shot in shots}, {"Bastion"})
        table = self.as_admin("shots", "--project", "Bastion", "--with-tasks").out
        self.assertEqual(len(table.splitlines()), len(shots) + 1)
        self.assertIn(":todo", table)

    def test_tasks(self):
        name = "Cinder"
        self.assertEqual(self.result("tasks", "--project", name)["count"], FACTS["tasks_of_project"][name])
        kind = next(iter(FACTS["task_types"]))
        some = self.result("tasks", "--project", name, "--type", kind.lower(), "--status", "Todo")["tasks"]
        self.assertEqual({(one["task_type_name"], one["task_status_short_name"]) for one in some}, {(kind, "todo")})
        mine = self.result("tasks", "--shot", FACTS["shot_id"])["tasks"]
        self.assertEqual({one["entity_name"] for one in mine}, {FACTS["shot_name"]})
        self.assertEqual(self.as_admin("tasks", "--shot", "SH0001").code, 2)
        self.login("artist")
        ran = self.weir("tasks", "--mine", "--json")
        self.assertIn(FACTS["artist_task_id"], [one["id"] for one in ran.envelope()["result"]["tasks"]])

    def test_assets_and_names_that_are_none(self):
        self.assertEqual(self.result("assets", "--project", FACTS["projects"]["Aurora"])["count"], 20)
        ran = self.as_admin("assets", "--project", "Aurroa")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertIn("did you mean 'Aurora'?", ran.err)
        ran = self.as_admin("assets", "--project", "Aurora", "--type", "Nothing of the kind", "--json")
        self.assertEqual(ran.envelope()["error"]["type"], "not_found")
        self.assertIn("Character", ran.envelope()["error"]["message"])
        # The server takes "_" as a wildcard; a name is a name here.
        self.assertEqual(self.as_admin("shots", "--project", "Auror_").code, 1)

    def test_get(self):
        ran = self.as_admin("get", "data/task-types")
        self.assertIn("Animation", [kind["name"] for kind in json.loads(ran.out)])
        some = json.loads(self.as_admin("get", "--param", "name=animation", "--param", "page=1", "data/task-types").out)
        self.assertEqual([kind["name"] for kind in some["data"]], ["Animation"])
        all_tasks = json.loads(self.as_admin("get", "data/tasks", "--all", "--param", "project_id=" + FACTS["projects"]["Aurora"],
                                             "--param", "fields=name").out)
        self.assertEqual(len(all_tasks), FACTS["tasks_of_project"]["Aurora"])
        ran = self.as_admin("get", "data/no-such-thing")
        self.assertEqual((ran.code, ran.out), (1, ""))

    def test_what_the_server_says_acts_on_no_terminal(self):
        api = self.api()
        asset = FACTS["asset_ids"][-1]
        before = api.get(f"data/entities/{asset}")["description"]
        self.addCleanup(lambda: api.put(f"data/entities/{asset}", {"description": before}))
        api.put(f"data/entities/{asset}", {"description": "\x1b]0;owned\x07\x1b[31mred\r\n\u202eevil \u65e5\u672c"})
        out = self.as_admin("assets", "--project", "Aurora").out
        for harm in "\x1b", "\x07", "\r", "\u202e":
            self.assertNotIn(harm, out)
        self.assertIn("\\x1b[31mred", out)
        lines = out.splitlines()
        self.assertEqual(len(lines), 21)
        (line,) = [line for line in lines if asset in line]
        self.assertEqual(columns(line[:line.index(asset)]), lines[0].index("ID"))  # wide characters take two columns

    def test_a_table_is_as_wide_as_the_terminal(self):
        terminal = Terminal(self.place, "kitsu", "shots", "--project", "Aurora", "--with-tasks", env=self.env(TERM="xterm"), columns=70)
        self.assertEqual(terminal.end(), 0)
        lines = terminal.shown.replace("\r", "").splitlines()
        self.assertGreater(len(lines), 600)
        self.assertLessEqual(max(map(len, lines)), 70)
        self.assertTrue(any("\u2026" in line for line in lines))


class Pull(Kitsu):
    def files(self, folder):
        return {path.name: path for path in folder.iterdir() if not path.name.startswith(".")} if folder.exists() else {}

    def check(self, folder):
        """Every file that the facts know is there, byte for byte, and nothing else."""
        files = {name.rpartition("_")[2].partition(".")[0]: path for name, path in self.files(folder).items()}
        known = [one for one in FACTS["previews"] if "sha256" in one]
        for one in known:
            self.assertEqual(sha256(files[one["id"][:8]]), one["sha256"], one)
        return len(known)

    def proxy(self, **limits):
        proxy = HoldingProxy(HOST, **limits)
        self.addCleanup(proxy.close)
        return proxy

    def pull(self, proxy, *arguments, **more):
        process = subprocess.Popen([WEIR, "kitsu", "pull", *arguments], env=self.env(host=proxy.url), cwd=self.place.work, **more)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.kill)
        return process

    def test_killed_in_the_middle_and_run_again(self):
        folder = self.place.work / "previews"
        notes = folder / ".weir/kitsu-pull.jsonl"
        proxy = self.proxy(pattern=b"/originals/preview-files/", max_requests=80)
        first = self.pull(proxy, "--project", "Aurora", "--to", str(folder), "--jobs", "3", stderr=subprocess.DEVNULL)
        until(lambda: notes.exists() and notes.read_bytes().count(b"\n") == 80, "80 files that are noted down")
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE)
        whole = {name: (path.stat().st_ino, path.stat().st_mtime_ns) for name, path in self.files(folder).items()}
        self.assertEqual(len(whole), 80)
        proxy.release()
        again = self.weir("pull", "--project", "Aurora", "--to", str(folder), "--json", env=self.env(host=proxy.url))
        self.assertEqual(again.code, 0, again.err)
        result = again.envelope()["result"]
        known = self.check(folder)
        self.assertGreaterEqual(known, 204)
        after = {name: (path.stat().st_ino, path.stat().st_mtime_ns) for name, path in self.files(folder).items()}
        self.assertEqual({name: after[name] for name in whole}, whole)  # what was whole is the same file
        self.assertEqual(result["skipped"], len(whole))
        self.assertEqual(result["failed"], 0)
        self.assertLessEqual({"processing", "broken"}, {one["why"] for one in result["left_out"]})
        third = self.as_admin("pull", "--project", "Aurora", "--to", str(folder), "--json").envelope()["result"]
        states = {one["name"]: one["state"] for one in third["files"]}
        self.assertEqual({states[name] for name in after}, {"skipped"})

    def test_a_large_file_goes_on_where_it_was_killed(self):
        archive = next(one for one in FACTS["previews"] if one["kind"] == "archive")
        folder = self.place.work / "large"

        def come():
            return max((path.stat().st_size for path in folder.glob(".weir*") if path.is_file()), default=0)

        proxy = self.proxy(max_answer_bytes=12 << 20)
        process = self.pull(proxy, "--preview", archive["id"], "--to", str(folder), stderr=subprocess.DEVNULL)
        until(lambda: come() >= 10 << 20, "10 MiB")
        process.kill()
        process.wait(PATIENCE)
        proxy.release()
        ran = self.weir("pull", "--preview", archive["id"], "--to", str(folder), "--json", env=self.env(host=proxy.url))
        self.assertEqual(ran.code, 0, ran.err)
        (file,) = ran.envelope()["result"]["files"]
        self.assertEqual((file["state"], file["sha256"]), ("resumed", archive["sha256"]))
        self.assertGreaterEqual(file["resumed_from"], 1 << 20)
        self.assertEqual(sha256(folder / file["name"]), archive["sha256"])
        self.assertEqual(come(), 0)  # nothing is left behind

    def test_interrupted(self):
        folder = self.place.work / "p"
        proxy = self.proxy(pattern=b"/originals/preview-files/", max_requests=5)
        process = self.pull(proxy, "--project", "Aurora", "--to", "p", "--jobs", "1", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
        until(lambda: len(self.files(folder)) == 5, "some files")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (130, ""))
        self.assertIn("the same command goes on", err)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "a disk of its own needs root")
    def test_a_disk_that_is_full(self):
        folder = self.place.work / "disk"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "weir-e2e", str(folder)], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(folder)], check=True))
        (folder / "mine.txt").write_text("as it was")
        archive = next(one for one in FACTS["previews"] if one["kind"] == "archive")
        large = self.as_admin("pull", "--preview", archive["id"], "--to", str(folder), "--json")
        self.assertEqual(large.code, 1)
        (file,) = large.envelope()["files"]
        self.assertEqual(file["state"], "failed")
        self.assertIn("the disk or the quota is full", file["problem"])
        self.assertEqual(set(self.files(folder)), {"mine.txt"})
        with open(folder / ".ballast", "wb", buffering=0) as ballast:
            room = os.statvfs(folder)
            ballast.write(b"x" * (room.f_bavail * room.f_frsize - 4_000_000))
        many = self.as_admin("pull", "--project", "Aurora", "--only", "pictures", "--to", str(folder), "--json")
        self.assertEqual(many.code, 1)
        result = many.envelope()
        self.assertGreater(sum("not tried" in one.get("problem", "") for one in result["files"]), 100)
        sums = {one["id"][:8]: one.get("sha256") for one in FACTS["previews"]}
        for name in set(self.files(folder)) - {"mine.txt"}:  # what is there is whole; others may have pushed some more
            id = name.rpartition("_")[2].partition(".")[0]
            self.assertEqual(sha256(folder / name), sums.get(id, sha256(folder / name)))
        self.assertEqual((folder / "mine.txt").read_text(), "as it was")
        (folder / ".ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=256m", str(folder)], check=True)
        again = self.as_admin("pull", "--project", "Aurora", "--to", str(folder), "--json")
        self.assertEqual(again.code, 0, again.err)
        self.assertGreaterEqual(again.envelope()["result"]["skipped"], result["downloaded"])
        self.check(folder)

    def test_one_task_one_preview_and_kinds(self):
        archive = next(one for one in FACTS["previews"] if one["kind"] == "archive")
        movies = [one for one in FACTS["previews"] if one["kind"] == "movie"]
        ran = self.as_admin("pull", "--task", archive["task_id"], "--to", "a")
        self.assertEqual((ran.code, ran.out), (0, ""), ran.err)
        (path,) = self.files(self.place.work / "a").values()
        self.assertEqual(sha256(path), archive["sha256"])
        self.assertTrue(path.name.startswith("Aurora_SQ"), path.name)
        ran = self.as_admin("pull", "--project", "Aurora", "--only", "movies", "--latest", "--to", "m", "--json")
        self.assertEqual(ran.envelope()["result"]["downloaded"], len(movies))
        waiting = next(one for one in FACTS["previews"] if one["kind"] == "processing")
        ran = self.as_admin("pull", "--preview", waiting["id"], "--to", "w")
        self.assertEqual(ran.code, 1)
        self.assertIn("processing", ran.err)
        self.assertEqual(self.as_admin("pull", "--to", "w").code, 2)
        ran = self.as_admin("pull", "--project", "Aurora", "--jobs", "0")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("--jobs", ran.err)
        self.assertEqual(self.as_admin("pull", "--project", "Aurora", "--jobs", "0", "--json").envelope()["error"]["type"], "usage")

    def test_on_a_terminal_one_line_says_how_far_it_is(self):
        terminal = Terminal(self.place, "kitsu", "pull", "--project", "Aurora", "--only", "pictures", env=self.env(TERM="xterm"))
        self.assertEqual(terminal.end(), 0)
        self.assertIn("files  ", terminal.shown)
        self.assertIn("/s", terminal.shown)
        self.assertNotIn("downloaded Aurora", terminal.shown)
        self.assertRegex(terminal.shown, r"\r\x1b\[Kweir: (?s:.*)\nweir: 2\d\d downloaded, 0 skipped")

    def test_an_artist(self):
        self.login("artist")
        ran = self.weir("pull", "--project", "Aurora", "--only", "movies", "--to", "m", "--json")
        self.assertEqual(ran.code, 0, ran.err)


class Push(Kitsu):
    def setUp(self):
        super().setUp()
        self.task = FACTS["task_id"]

    def test_a_picture(self):
        picture = self.place.work / "board.png"
        picture.write_bytes(png(64, 36))
        ran = self.as_admin("push", "board.png", "--task", self.task, "--comment", "look", "--status", "wip", "--json")
        self.assertEqual(ran.code, 0, ran.err)
        result = ran.envelope()["result"]
        self.assertEqual(result["done"], ["checked", "commented", "preview_added", "uploaded", "ready"])
        api = self.api()
        record = api.get("data/preview-files/" + result["preview_id"])
        self.assertEqual((record["status"], record["original_name"], record["task_id"]), ("ready", "board", self.task))
        comment = api.get("data/comments/" + result["comment_id"])
        self.assertEqual((comment["text"], comment["task_status_id"]), ("look", FACTS["task_statuses"]["wip"]))
        pulled = self.as_admin("pull", "--preview", result["preview_id"], "--to", "back", "--json")
        self.assertEqual(pulled.code, 0, pulled.err)

    def test_what_the_server_would_refuse_is_refused_before(self):
        api = self.api()
        count = len(api.get(f"data/tasks/{self.task}/comments"))
        (self.place.work / "run.exe").write_bytes(b"x")
        (self.place.work / "empty.png").write_bytes(b"")
        for name in "run.exe", "empty.png", "missing.png":
            with self.subTest(name=name):
                self.assertIn(self.as_admin("push", name, "--task", self.task).code, (1, 2))
        (self.place.work / "a.png").write_bytes(png(8, 8))
        ran = self.as_admin("push", "a.png", "--task", self.task, "--status", "wpi")
        self.assertEqual(ran.code, 1)
        self.assertEqual(len(api.get(f"data/tasks/{self.task}/comments")), count)

    def test_a_movie_that_is_none(self):
        (self.place.work / "bad.mp4").write_bytes(b"no movie" * 1000)
        ran = self.as_admin("push", "bad.mp4", "--task", self.task, "--json")
        told = ran.envelope()
        self.assertEqual((ran.code, told["error"]["type"], told["status"]), (1, "corrupt", "broken"))
        self.assertIn("the comment and the preview are there", told["error"]["message"])

    def test_an_upload_to_a_route(self):
        (self.place.work / "poster.png").write_bytes(png(64, 36))
        project = FACTS["projects"]["Cinder"]
        ran = self.as_admin("push", "poster.png", "--to", f"pictures/thumbnails/projects/{project}")
        self.assertEqual((ran.code, ran.out), (0, ""), ran.err)
        self.assertTrue(self.api().get(f"data/projects/{project}")["has_avatar"])
        self.assertEqual(self.as_admin("push", "poster.png").code, 2)


class Shell(Kitsu):
    def test_completion_and_help(self):
        words = run(self.place, "completion", "bash").out
        (pull,) = [line for line in words.splitlines() if line.startswith("kitsu pull|")]
        for option in "--project", "--preview", "--latest", "--to":
            self.assertIn(f" {option} ", pull + " ")
        for name in "login", "logout", "projects", "shots", "assets", "tasks", "get", "pull", "push":
            ran = self.weir(name, "--help")
            self.assertEqual(ran.code, 0)
            self.assertIn("Examples:", ran.out)
            self.assertIn(f"weir kitsu {name}", ran.out)


if __name__ == "__main__":
    unittest.main()
