"""The program by hand: envelopes, exit codes, inputs and outputs, for people and their scripts."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import unittest

from weir_client import Fake, PATIENCE, WEIR, WithPlace, png, png_size, run, until

VIDEO = ("--seconds", "1", "--size", "160x90")


class Cli(WithPlace):
    def weir(self, *arguments, **more):
        return run(self.place, *arguments, **more)

    def good(self, *arguments, **more):
        ran = self.weir(*arguments, **more)
        envelope = ran.envelope()
        self.assertEqual((ran.code, envelope["v"], envelope["ok"]), (0, 1, True), ran.out + ran.err)
        self.assertNotIn("error", envelope)
        return envelope

    def bad(self, code, kind, *arguments, **more):
        ran = self.weir(*arguments, **more)
        envelope = ran.envelope()
        self.assertEqual((ran.code, envelope["v"], envelope["ok"], envelope["error"]["type"]), (code, 1, False, kind), ran.out)
        self.assertNotIn("result", envelope)
        self.assertIn(f"error ({kind}): ", ran.err)
        return envelope

    def fake(self, *options):
        fake = Fake(*options)
        self.addCleanup(fake.close)
        return fake


class Envelopes(Cli):
    def test_argument_errors_have_an_envelope(self):
        for arguments in (["video", "create"], ["video", "create", "x", "--no-such-flag"], ["nonsense"], ["video"], ["video", "explode"],
                          ["image", "generate"], ["call"], ["wait"], ["video", "list", "--limit", "many"], ["video", "list", "--limit", "-1"],
                          ["image", "generate", "x", "--count", "0"], ["video", "create", "x", "--timeout", "soon"],
                          ["video", "create", "x", "--wait", "--timeout", "nan"], ["video", "wait", "x", "--timeout", "-5"],
                          ["--provider", "other", "video", "list"], ["image", "prepare", "x.png", "--size", "8x8", "--mode", "squash"],
                          ["video", "create", ""]):
            with self.subTest(arguments=arguments):
                envelope = self.bad(2, "usage", *arguments)
                self.assertTrue(envelope["error"]["message"])

    def test_command_names(self):
        self.assertEqual(self.bad(2, "usage", "video", "create")["command"], "video.create")
        self.assertEqual(self.bad(2, "usage", "--quiet", "video", "create", "--media-dir", "x")["command"], "video.create")
        self.assertEqual(self.good("video", "list")["command"], "video.list")
        self.assertEqual(self.good("call", "list_videos")["command"], "list_videos")

    def test_no_wait(self):
        envelope = self.good("video", "create", "a boat", *VIDEO)
        self.assertEqual((envelope["command"], envelope["result"]["status"]), ("video.create", "queued"))
        self.assertNotIn("elapsed_s", envelope)

    def test_wait_and_elapsed(self):
        ran = self.weir("video", "create", "a boat", "--wait", *VIDEO)
        envelope = ran.envelope()
        self.assertEqual((ran.code, envelope["result"]["status"]), (0, "completed"))
        self.assertGreaterEqual(envelope["elapsed_s"], 0)
        self.assertIn("submitted", ran.err)
        self.assertNotIn("file", envelope["result"])
        for line in ran.err.splitlines():
            self.assertTrue(line.startswith("weir: "), line)
        self.assertEqual(self.weir("video", "create", "a boat", "--wait", "-q", *VIDEO).err, "")

    def test_output_implies_download_implies_wait(self):
        envelope = self.good("video", "create", "a boat", "-o", "./", *VIDEO)
        handle = envelope["result"]["id"]
        path = self.place.work / f"{handle}.mp4"
        self.assertEqual(envelope["result"]["file"]["path"], f"./{handle}.mp4")
        self.assertEqual(envelope["result"]["file"]["bytes"], path.stat().st_size)
        self.assertEqual(envelope["result"]["filename"], f"{handle}.mp4")
        self.good("video", "create", "a boat", "--download", *VIDEO)
        self.assertEqual(len(list(self.place.videos.glob("*.mp4"))), 1)

    def test_variant_and_names(self):
        envelope = self.good("video", "create", "a boat", "-o", "new/folder/clip", "--variant", "thumbnail", *VIDEO)
        self.assertEqual(envelope["result"]["file"]["path"], "new/folder/clip.webp")
        self.assertEqual(envelope["result"]["file"]["variant"], "thumbnail")
        handle = envelope["result"]["id"]
        (self.place.work / "kept.mp4").write_bytes(b"mine")
        second = self.good("video", "download", handle, "-o", "kept.mp4")
        self.assertEqual(second["result"]["file"]["path"], "kept_2.mp4")
        self.assertEqual((self.place.work / "kept.mp4").read_bytes(), b"mine")
        third = self.good("video", "download", handle, "-o", "kept.mp4", "--overwrite")
        self.assertEqual(third["result"]["file"]["path"], "kept.mp4")
        self.assertGreater((self.place.work / "kept.mp4").stat().st_size, 100)
        absolute = self.good("video", "download", handle, "-o", str(self.place.work / "abs.mp4"))
        self.assertTrue(os.path.samefile(absolute["result"]["file"]["path"], self.place.work / "abs.mp4"))

    def test_bad_output_is_known_before_anything_is_ordered(self):
        fake = self.fake()
        env = self.place.openai(fake)
        (self.place.work / "file").write_text("x")
        for output in ("file/x.mp4", "x.sh", "x.mp4/../../../y\u202e.mp4"):
            ran = self.weir("video", "create", "x", "-o", output, env=env)
            self.assertFalse(ran.envelope()["ok"], output)
        for output in ("file/x.png", "x.sh"):
            self.assertFalse(self.weir("image", "generate", "x", "-o", output, env=env).envelope()["ok"], output)
        self.assertEqual(fake.bought()["total"], 0)

    def test_exit_codes(self):
        fake = self.fake("--video-ms", "200")
        env = self.place.openai(fake)
        self.assertEqual(self.good("video", "create", "x", "--wait", env=env)["result"]["status"], "completed")
        self.bad(1, "not_found", "video", "status", "video_unknown", env=env)
        fake.faults("/v1/videos,*,403")
        self.assertEqual(self.bad(1, "api_error", "video", "list", env=env)["status_code"], 403)
        fake.faults()
        self.bad(3, "config", "video", "list", env=self.place.env(WEIR_PROVIDER="openai"))
        late = self.bad(4, "timeout", "video", "create", "[slow] x", "--wait", "--timeout", "1", env=env)
        self.assertIn("last_status", late)
        failed = self.bad(5, "job_failed", "video", "create", "[fail] x", "-o", "./", env=env)
        self.assertEqual(failed["status"], "failed")
        fake.faults("POST /v1/videos,1,500")
        self.assertTrue(self.bad(1, "api_error", "video", "create", "x", env=env)["maybe_bought"])

    def test_partial_and_all_failed(self):
        fake = self.fake("--video-ms", "200")
        env = self.place.openai(fake)
        good = self.good("video", "create", "x", env=env)["result"]["id"]
        fails = self.good("video", "create", "[fail] x", env=env)["result"]["id"]
        slow = self.good("video", "create", "[slow] x", env=env)["result"]["id"]
        ran = self.weir("wait", good, fails, good, "-o", "out/", env=env)
        self.assertEqual(ran.code, 6)
        lines = {line.get("id") or line["result"]["id"]: line for line in ran.lines()}
        self.assertEqual((len(ran.lines()), lines[good]["ok"], lines[fails]["ok"]), (2, True, False))
        self.assertEqual(self.weir("wait", fails, "video_unknown", env=env).code, 5)
        self.assertEqual(self.weir("wait", fails, slow, "--timeout", "1s", env=env).code, 4)
        self.assertEqual(self.weir("wait", good, fails, "-o", "one.mp4", env=env).code, 2)

    def test_resume_line_works_in_a_shell(self):
        fake = self.fake("--video-ms", "3000")
        env = self.place.openai(fake, PATH=os.path.dirname(os.path.abspath(WEIR)) + ":" + os.environ["PATH"])
        late = self.bad(4, "timeout", "video", "create", "x", "-o", "it's a $(folder)/", "--timeout", "0.5", env=env)
        done = subprocess.run(["sh", "-c", late["resume"].replace("--timeout 0.5", "--timeout 60")], env=env, cwd=self.place.work,
                              capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        envelope = json.loads(done.stdout)
        self.assertEqual((done.returncode, envelope["ok"]), (0, True))
        self.assertTrue((self.place.work / "it's a $(folder)" / f"{late['id']}.mp4").exists())
        self.assertEqual(fake.bought()["total"], 1)

    def test_interrupted(self):
        for stop in (signal.SIGINT, signal.SIGTERM):
            command = subprocess.Popen([WEIR, "video", "create", "x", "--wait", "--seconds", "120", "--size", "1920x1080"],
                                       env=self.place.env(), cwd=self.place.work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            self.assertIn(b"submitted", command.stderr.readline())
            time.sleep(0.3)
            command.send_signal(stop)
            out, _ = command.communicate(timeout=30)
            self.assertEqual((command.returncode, out), (130, b""))

    def test_reader_is_gone(self):
        done = subprocess.run(["sh", "-c", f"'{WEIR}' tools | true; '{WEIR}' tools --json | head -c 10"], env=self.place.env(),
                              capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
        self.assertNotIn(b"terminate", done.stderr)


class Inputs(Cli):
    def test_prompt_from_file_stdin_and_escaped(self):
        (self.place.work / "prompt.txt").write_text("from a file\u00e9\n")
        self.assertEqual(self.good("video", "create", "@prompt.txt", *VIDEO)["result"]["prompt"], "from a file\u00e9")
        self.assertEqual(self.good("video", "create", "-", *VIDEO, text="from a pipe\n")["result"]["prompt"], "from a pipe")
        self.assertEqual(self.good("video", "create", "@@home", *VIDEO)["result"]["prompt"], "@home")
        self.assertIn("missing.txt", self.bad(2, "usage", "video", "create", "@missing.txt")["error"]["message"])
        (self.place.work / "large.txt").write_text("x" * (3 << 20))
        self.bad(2, "usage", "video", "create", "@large.txt")
        self.bad(2, "usage", "video", "create", "@.")

    def test_output_is_ascii(self):
        ran = self.weir("video", "create", "caf\u00e9 \U0001f3a8\n\x1b[31m", *VIDEO)
        self.assertTrue(ran.out.isascii())
        self.assertEqual(ran.envelope()["result"]["prompt"], "caf\u00e9 \U0001f3a8\n\x1b[31m")

    def test_several_prompts_and_count(self):
        ran = self.weir("image", "generate", "one", "two", "--count", "2", "--size", "32x32", "-o", "out/")
        lines = ran.lines()
        self.assertEqual((ran.code, len(lines)), (0, 4))
        self.assertEqual(sorted((line["input"]["index"], line["input"]["prompt"]) for line in lines),
                         [(0, "one"), (1, "one"), (2, "two"), (3, "two")])
        self.assertEqual(len(os.listdir(self.place.work / "out")), 4)
        self.assertEqual(len({line["result"]["file"]["path"] for line in lines}), 4)
        self.bad_several("image", "generate", "one", "two", "--size", "32x32", "-o", "one.png")
        ran = self.weir("image", "generate", "one", "@missing.txt")
        self.assertEqual(ran.code, 2)

    def bad_several(self, *arguments):
        ran = self.weir(*arguments)
        self.assertEqual(ran.code, 2)
        for line in ran.lines():
            self.assertEqual((line["ok"], line["error"]["type"]), (False, "usage"))

    def test_path_inputs(self):
        (self.place.work / "sub").mkdir()
        (self.place.work / "sub" / "a.png").write_bytes(png(64, 36))
        (self.place.work / "b.png").write_bytes(png(32, 18))
        self.place.picture("c.png", 16, 9)
        for name, size in (("sub/a.png", [64, 36]), ("./sub/a.png", [64, 36]), ("b.png", [32, 18]), ("c.png", [16, 9]),
                           (str(self.place.work / "b.png"), [32, 18]), ("../work/b.png", [32, 18])):
            envelope = self.good("image", "prepare", name, "--size", "8x8", "-o", "out/")
            self.assertEqual(envelope["result"]["original_size"], size, name)
            self.assertEqual(png_size((self.place.work / envelope["result"]["file"]["path"]).read_bytes())[:2], (8, 8))
        self.bad(1, "not_found", "image", "prepare", "none.png", "--size", "8x8")
        self.bad(1, "not_found", "image", "prepare", "no/such/none.png", "--size", "8x8")

    def test_several_inputs(self):
        for i in range(3):
            (self.place.work / f"{i}.png").write_bytes(png(16 + i, 16))
        ran = self.weir("image", "prepare", "0.png", "none.png", "2.png", "--size", "8x8", "--mode", "pad", "-o", "out/")
        self.assertEqual(ran.code, 6)
        found = {line["input"]["file"]: line["ok"] for line in ran.lines()}
        self.assertEqual(found, {"0.png": True, "none.png": False, "2.png": True})
        self.assertEqual(sorted(os.listdir(self.place.work / "out")), ["0_8x8.png", "2_8x8.png"])

    def test_output_onto_the_input(self):
        photo = self.place.work / "photo.png"
        photo.write_bytes(png(64, 36))
        before = photo.read_bytes()
        self.assertEqual(self.good("image", "prepare", "photo.png", "--size", "8x8", "-o", "photo.png")["result"]["file"]["path"],
                         "photo_2.png")
        self.assertEqual(photo.read_bytes(), before)
        self.good("image", "prepare", "photo.png", "--size", "8x8", "-o", "photo.png", "--overwrite")
        self.assertEqual(png_size(photo.read_bytes())[:2], (8, 8))

    def test_edit_with_paths(self):
        (self.place.work / "a.png").write_bytes(png(16, 16))
        envelope = self.good("image", "edit", "at night", "--input-image", "a.png", "--input-image", "./a.png", "--size", "32x32",
                             "-o", "night.png")
        self.assertEqual(envelope["result"]["file"]["path"], "night.png")
        self.assertIn("elapsed_s", envelope)

    def test_image_create_and_wait(self):
        envelope = self.good("image", "create", "a tree", "--config", '{"size":"32x32"}', "-o", "tree.png")
        self.assertEqual(envelope["result"]["file"]["path"], "tree.png")
        handle = self.good("image", "create", "a tree")["result"]["id"]
        self.assertEqual(self.good("image", "wait", handle)["command"], "image.wait")
        self.assertEqual(self.good("wait", handle, "-o", "x/")["result"]["size"], [1024, 1024])


class Around(Cli):
    def test_call(self):
        self.place.picture("a.png")
        envelope = self.good("call", "list_reference_images", "--json", '{"limit": 5}')
        self.assertEqual(envelope["result"]["data"][0]["filename"], "a.png")
        (self.place.work / "args.json").write_text('{"input_filename": "a.png", "target_size": "8x8"}')
        self.assertEqual(self.good("call", "prepare_reference_image", "--json", "@args.json")["result"]["output_filename"], "a_8x8.png")
        self.assertEqual(self.good("call", "list_videos", "--json", "-", text='{"limit": 0}')["result"]["data"], [])
        self.good("--media-dir", str(self.place.base / "other"), "call", "list_local_videos")
        for arguments in (["make_coffee"], ["list_videos", "--json", "[1]"], ["list_videos", "--json", "{"], ["list_videos", "--json", "nope"],
                          ["list_videos", "--json", '{"limits": 1}'], ["list_videos", "--json", "@none.json"],
                          ["list_videos", "--json", "[" * 100_000]):
            self.bad(2, "usage", "call", *arguments)
        self.bad(1, "not_found", "call", "prepare_reference_image", "--json", '{"input_filename":"n.png","target_size":"8x8"}')
        self.bad(2, "usage", "call", "prepare_reference_image", "--json", '{"input_filename":"../a.png","target_size":"8x8"}')

    def test_tools(self):
        tools = self.good("tools", "--json")["result"]["tools"]
        self.assertEqual(len(tools), 16)
        text = self.weir("tools").out
        for tool in tools:
            self.assertIn(tool["name"], text)
            self.assertFalse(tool["inputSchema"]["additionalProperties"])

    def test_doctor(self):
        envelope = self.good("doctor", "--json")
        self.assertTrue(envelope["result"]["all_ok"])
        self.assertIn("2026-07-28", envelope["result"]["mcp_revisions"])
        ran = self.weir("doctor", "--json", env=self.place.env(WEIR_PROVIDER="openai", WEIR_FFMPEG="no-such-program"))
        self.assertEqual(ran.code, 3)
        wrong = [c["name"].split()[0] for c in ran.envelope()["result"]["checks"] if not c["ok"]]
        self.assertEqual(wrong, ["ffmpeg", "provider"])
        self.assertEqual(list(self.place.media.rglob("weir-doctor*")), [])
        blocked = self.weir("doctor", "--json", env=self.place.env(WEIR_MEDIA_DIR="/proc/no/such"))
        self.assertEqual(blocked.code, 3)

    def test_doctor_shows_no_key(self):
        ran = self.weir("doctor", env=self.place.env(OPENAI_API_KEY="sk-very-secret", WEIR_PROVIDER=None))
        self.assertNotIn("sk-very-secret", ran.out + ran.err)

    def test_setup_of_each_client(self):
        for client in ("claude-code", "claude-desktop", "codex", "cursor", "vscode", "inspector"):
            ran = self.weir("setup", client, env=self.place.env(OPENAI_API_KEY="sk-very-secret", WEIR_PROVIDER="openai"))
            self.assertEqual(ran.code, 0)
            self.assertNotIn("sk-very-secret", ran.out)
            self.assertIn(str(self.place.media), ran.out)
            if client in ("claude-desktop", "cursor", "vscode"):
                entry = json.loads(ran.out[ran.out.index("{"):])
                server = next(iter(entry.values()))["weir"]
                # What it says works: the entry starts a server.
                done = subprocess.run([server["command"], *server["args"]], input=b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
                                      capture_output=True, timeout=PATIENCE, env={"PATH": os.environ["PATH"], "HOME": str(self.place.home)})
                self.assertEqual(json.loads(done.stdout)["id"], 1)
            if client == "codex":
                import tomllib
                entry = tomllib.loads(ran.out[ran.out.index("[mcp_servers"):])
                self.assertEqual(entry["mcp_servers"]["weir"]["command"], os.path.realpath(WEIR))
        self.bad(2, "usage", "setup", "emacs")

    def test_completion_scripts_parse(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
            ran = self.weir("completion", shell)
            self.assertEqual(ran.code, 0)
            self.assertIn("--seconds", ran.out)
            if shutil.which(shell):
                done = subprocess.run(check, input=ran.out.encode(), capture_output=True, timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.bad(2, "usage", "completion", "tcsh")

    def test_bash_completes(self):
        script = self.weir("completion", "bash").out
        for words, expected in ((["weir", "vid"], "video"), (["weir", "video", "cre"], "create"), (["weir", "video", "create", "--se"], "--seconds"),
                                (["weir", "image", "pre"], "prepare")):
            done = subprocess.run(["bash", "-c", script + f"\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _weir; "
                                   "printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            self.assertIn(expected, done.stdout.decode().split(), words)

    def test_help_everywhere(self):
        text = self.weir("--help").out
        for command in ("video", "image", "wait", "call", "tools", "doctor", "setup", "serve", "completion"):
            self.assertIn(command, text)
            ran = self.weir(command, "--help")
            self.assertEqual((ran.code, ran.err), (0, ""))
        for verb in re.findall(r"^  (\w+) ", self.weir("video", "--help").out, re.M):
            self.assertEqual(self.weir("video", verb, "--help").code, 0)
        self.assertRegex(self.weir("--version").out, r"^weir \d+\.\d+\.\d+\n$")

    def test_bare_weir_without_a_terminal_speaks_mcp(self):
        ran = self.weir(text='{"jsonrpc":"2.0","id":7,"method":"ping"}\n')
        self.assertEqual((ran.code, ran.envelope()["id"]), (0, 7))

    def test_bare_weir_on_a_terminal_prints_help(self):
        child, terminal = pty.fork()
        if child == 0:
            os.execve(WEIR, ["weir"], self.place.env())
        text = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        self.assertEqual(status, 0)
        self.assertIn(b"serve", text)

    def test_media_folder_is_chosen_as_documented(self):
        (self.place.base / "sanzaru").mkdir()
        env = self.place.env(WEIR_MEDIA_DIR=None, SANZARU_MEDIA_PATH=str(self.place.base / "sanzaru"))
        self.good("image", "generate", "x", "--size", "32x32", env=env)
        self.assertEqual(len(list((self.place.base / "sanzaru" / "images").glob("*.png"))), 1)
        self.good("image", "generate", "x", "--size", "32x32", env=self.place.env(WEIR_MEDIA_DIR="  "))
        self.assertEqual(len(list((self.place.home / ".local/share/weir/media/images").glob("*.png"))), 1)
        self.good("--media-dir", "here", "image", "generate", "x", "--size", "32x32")
        self.assertEqual(len(list((self.place.work / "here" / "images").glob("*.png"))), 1)


if __name__ == "__main__":
    unittest.main()
