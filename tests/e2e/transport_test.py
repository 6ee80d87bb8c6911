"""Messages that no decent client sends, on pipes and sockets; ends of every kind."""

import json
import os
import select
import signal
import subprocess
import time
import unittest

from weir_client import LEGACY, MODERN, Process, Stdio, WEIR, WithPlace, modern_meta, until

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


class Pipes(WithPlace):
    def test_line_of_30_megabytes(self):
        with Stdio(self.place) as server:
            before = server.status("VmHWM")
            answer = server.raw(b"{" + b"x" * (30 << 20) + b"\n", None)
            self.assertEqual(answer["error"]["code"], -32600)
            self.assertIn("tools", server.ask("tools/list")["result"])
            self.assertLess(server.status("VmHWM") - before, 20 << 10)

    def test_30_megabytes_without_newline(self):
        server = Stdio(self.place)
        server.send_bytes(b"y" * (30 << 20))
        self.assertEqual(server.wait(None)["error"]["code"], -32600)
        self.assertEqual(server.close(), 0)

    def test_lines_that_are_no_message(self):
        with Stdio(self.place) as server:
            for line in (b"{", b"nonsense", b"[]", b"1", b"null", b"\"x\"", b"{\"jsonrpc\":\"2.0\"}", b"\xff\xfe", b"{}", b"[1]",
                         b"{\"jsonrpc\":\"1.0\",\"id\":null,\"method\":\"ping\"}"):
                answer = server.raw(line + b"\n", None)
                self.assertIn(answer["error"]["code"], (-32700, -32600), line)
            server.send_bytes(b"\n\r\n   \n")
            self.assertIn("result", server.ask("ping"))

    def test_deep_json(self):
        for version in (LEGACY, None):
            with Stdio(self.place, version=version) as server:
                deep = b"[" * 100_000 + b"]" * 100_000
                self.assertIn("error", server.raw(deep + b"\n", None))
                call = b'{"jsonrpc":"2.0","id":5000,"method":"tools/call","params":{"name":"list_videos","arguments":{"limit":%s}}}\n'
                server.send_bytes(call % deep)
                self.assertIn("tools", server.ask("tools/list")["result"])

    def test_pieces_and_bundles(self):
        with Stdio(self.place) as server:
            for byte in json.dumps({**LIST, "id": 900}).encode() + b"\n":
                server.send_bytes(bytes([byte]))
            server.wait(900)
            server.send_bytes(b"".join(json.dumps({**LIST, "id": 1000 + i, "method": "ping"}).encode() + b"\r\n" for i in range(500)))
            for i in range(500):
                server.wait(1000 + i)

    def test_batches(self):
        both = json.dumps([{**LIST, "id": 71}, {**LIST, "id": 72, "method": "ping"}]).encode() + b"\n"
        with Stdio(self.place, version="2025-03-26") as server:
            server.raw(both, 72)
            self.assertIn("tools", server.wait(71)["result"])
        for version in ("2025-06-18", LEGACY, None):
            with Stdio(self.place, version=version) as server:
                self.assertEqual(server.raw(both, None)["error"]["code"], -32600)
                self.assertIn("tools", server.ask("tools/list")["result"])

    def test_every_legacy_revision(self):
        for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
            with Stdio(self.place, handshake=False, version=version) as server:
                self.assertEqual(server.initialize(version)["result"]["protocolVersion"], version)
                result = server.call("list_reference_images")
                self.assertEqual("structuredContent" in result, version >= "2025-06-18")
                self.assertEqual(json.loads(result["content"][0]["text"]), {"data": []})
        with Stdio(self.place, handshake=False, version="1999-01-01") as server:
            self.assertEqual(server.initialize("1999-01-01")["result"]["protocolVersion"], LEGACY)

    def test_both_eras_on_one_pipe_in_both_orders(self):
        with Stdio(self.place, handshake=False) as server:
            self.assertIn(MODERN, server.ask("server/discover", modern=True)["result"]["supportedVersions"])
            self.assertEqual(server.initialize()["result"]["protocolVersion"], LEGACY)
            self.assertEqual(server.good("list_videos")["data"], [])
        with Stdio(self.place) as server:
            self.assertEqual(server.good("list_videos", modern=True)["data"], [])
            self.assertEqual(server.ask("tools/list", modern=True)["result"]["resultType"], "complete")
            self.assertNotIn("resultType", server.ask("tools/list")["result"])

    def test_unknown_revision_is_named(self):
        with Stdio(self.place, version=None) as server:
            answer = server.ask("tools/list", {"_meta": modern_meta("2031-01-01")}, modern=False)
            self.assertEqual(answer["error"]["code"], -32022)

    def test_unknown_method(self):
        for version in (LEGACY, None):
            with Stdio(self.place, version=version) as server:
                self.assertEqual(server.ask("tools/explode")["error"]["code"], -32601)

    def cancel(self, server):
        slow = server.good("create_video", {"prompt": "x", "seconds": "120", "size": "1920x1080"})["id"]
        number = server.request("tools/call", {"name": "wait_for", "arguments": {"ids": [slow], "timeout": 50}})
        time.sleep(0.3)
        server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number, "reason": "enough"}})
        for stray in (number, 987654, None, {"x": 1}):
            server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": stray}})
        server.ask("tools/list")
        time.sleep(1)
        self.assertNotIn(number, server.answers)  # a cancelled request is not answered
        status = server.good("get_video_status", {"video_id": slow})["status"]
        self.assertIn(status, ("queued", "in_progress"))  # the job itself goes on
        server.good("cancel_video", {"video_id": slow})

    def test_cancelled_by_notification(self):
        for version in (LEGACY, None):
            with Stdio(self.place, version=version) as server:
                self.cancel(server)

    def test_end_of_input_ends_at_once(self):
        server = Stdio(self.place)
        begin = time.monotonic()
        self.assertEqual(server.close(), 0)
        self.assertLess(time.monotonic() - begin, 10)

    def test_end_of_input_while_calls_run(self):
        self.place.jpeg("large.jpg", 4000, 3000)
        server = Stdio(self.place)
        slow = server.good("create_video", {"prompt": "x", "seconds": "120", "size": "1920x1080"})["id"]
        until(server.children, "the encoder runs")
        server.request("tools/call", {"name": "wait_for", "arguments": {"ids": [slow]}})
        for _ in range(10):
            server.request("tools/call", {"name": "prepare_reference_image", "arguments": {
                "input_filename": "large.jpg", "target_size": "1280x720"}})
        below = server.children()
        begin = time.monotonic()
        self.assertEqual(server.close(), 0)
        self.assertLess(time.monotonic() - begin, 15)  # under 1 s on an idle machine
        for child in below:
            until(lambda: not os.path.exists(f"/proc/{child}"), "the encoder is gone", 30)
        self.assertEqual([n for n in os.listdir(self.place.images) if n.endswith(".part")], [])

    def test_terminate(self):
        for stop in (signal.SIGTERM, signal.SIGINT):
            server = Stdio(self.place)
            slow = server.good("create_video", {"prompt": "x", "seconds": "120", "size": "1920x1080"})["id"]
            until(server.children, "the encoder runs")
            below = server.children()
            server.request("tools/call", {"name": "wait_for", "arguments": {"ids": [slow]}})
            server.process.send_signal(stop)
            self.assertIn(server.process.wait(10), (0, 130))
            for child in below:
                until(lambda: not os.path.exists(f"/proc/{child}"), "the encoder is gone", 30)
            server.close()

    def test_reader_is_gone(self):
        server = Process(self.place, ["serve", "--stdio"])
        server.process.stdout.close()
        for i in range(200):
            try:
                server.process.stdin.write(json.dumps({**LIST, "id": i, "params": {"_meta": modern_meta()}}).encode() + b"\n")
            except BrokenPipeError:
                break
        self.assertIn(server.process.wait(20), (0, 1))
        server.process.stdin.close()
        server.log.close()

    def test_reader_that_does_not_read(self):
        """The server must not take memory without end for a client that asks and asks and never reads."""
        server = Process(self.place, ["serve", "--stdio"])
        os.set_blocking(server.process.stdin.fileno(), False)
        line = json.dumps({**LIST, "params": {"_meta": modern_meta()}}).encode() + b"\n"
        sent, ends = 0, time.monotonic() + 3
        while time.monotonic() < ends:
            if select.select([], [server.process.stdin], [], 0.1)[1]:
                sent += server.process.stdin.write(line * 100) or 0
        self.assertLess(server.status("VmHWM"), 200 << 10)
        server.kill()
        server.process.stdin.close()
        server.process.stdout.close()
        server.log.close()

    def test_only_protocol_on_standard_output(self):
        server = Stdio(self.place, env=self.place.env(WEIR_FFMPEG="/bin/false"))
        made = server.call("create_video", {"prompt": "x", "seconds": "1"})
        if not made.get("isError"):
            server.good("wait_for", {"ids": [made["structuredContent"]["id"]], "timeout": 5})
        self.assertEqual(server.close(), 0)
        for line in server.lines:
            self.assertEqual(json.loads(line)["jsonrpc"], "2.0")

    def test_start_is_quick(self):
        best = 10
        for _ in range(10):
            begin = time.monotonic()
            with subprocess.Popen([WEIR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  env=self.place.env()) as server:
                server.stdin.write(json.dumps({**LIST, "params": {"_meta": modern_meta()}}).encode() + b"\n")
                server.stdin.flush()
                self.assertIn(b"create_video", server.stdout.readline())
                best = min(best, time.monotonic() - begin)
                server.stdin.close()
        self.assertLess(best, 0.5)  # about 10 ms in a release build


if __name__ == "__main__":
    unittest.main()
