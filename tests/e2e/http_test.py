"""The HTTP side: limits, foreign callers, both eras, cancelling, ports."""

import json
import os
import socket
import time
import unittest

from weir_client import Http, LEGACY, MODERN, Reply, WithPlace, run, until

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


class Web(WithPlace):
    def setUp(self):
        super().setUp()
        self.web = Http(self.place)
        self.addCleanup(lambda: self.web.__exit__(None))

    def alive(self):
        self.assertEqual(len(self.web.ask("tools/list")["result"]["tools"]), 16)

    def modern(self, **headers):
        body, own = self.web.message("tools/list")
        return self.web.post(body, **{**own, **headers})

    def test_body_of_5_megabytes(self):
        before = self.web.status("VmHWM")
        self.assertEqual(self.web.post(b"{" + b" " * (5 << 20) + b"}").status, 413)
        # Refused by its head, before a byte of it is read.
        reply = self.web.raw(self.web.head(Content_Type="application/json", Content_Length=str(5 << 30)))
        self.assertEqual(reply.status, 413)
        endless = self.web.head(Content_Type="application/json", Transfer_Encoding="chunked") + b"100000\r\n" + b"x" * (1 << 20)
        self.assertEqual(self.web.raw(endless + (b"\r\n100000\r\n" + b"x" * (1 << 20)) * 5).status, 413)
        self.assertLess(self.web.status("VmHWM") - before, 32 << 10)
        self.alive()

    def test_line_of_30_megabytes(self):
        reply = self.web.raw(b"GET /" + b"x" * (30 << 20))
        self.assertIn(reply.status, (400, 414, 431, None))
        reply = self.web.raw(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * (30 << 20))
        self.assertIn(reply.status, (400, 431, None))
        self.alive()

    def test_deep_json(self):
        for body in (b"[" * 1_000_000, b"[" * 100_000 + b"]" * 100_000,
                     b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001):
            reply = self.web.post(body, MCP_Protocol_Version=LEGACY)
            self.assertEqual(reply.status, 400)
            self.assertIn("error", reply.messages()[0])
        self.alive()

    def test_foreign_origin_and_host(self):
        for origin in ("null", "https://evil.example", "http://localhost.evil.example", "file://", "http://127.0.0.1.evil.example",
                       "https://user@localhost:1@evil.example"):
            self.assertEqual(self.modern(Origin=origin).status, 403, origin)
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "", "10.0.0.1"):
            self.assertIn(self.modern(Host=host).status, (400, 403, 421), host)
        for host in ("localhost", f"127.0.0.1:{self.web.port}", "[::1]:99"):
            self.assertEqual(self.modern(Host=host).status, 200, host)
        reply = self.modern(Origin=f"http://localhost:{self.web.port}")
        self.assertEqual(reply.status, 200)
        self.assertNotEqual(reply.headers.get("access-control-allow-origin"), "*")

    def test_no_host_and_two_hosts(self):
        body, headers = self.web.message("tools/list")
        self.assertEqual(self.web.post(body, **headers, Host=None).status, 400)
        head = self.web.head(Content_Length="2", Content_Type="application/json").replace(b"\r\n\r\n", b"\r\nHost: evil.example\r\n\r\n")
        self.assertEqual(self.web.raw(head + b"{}").status, 400)

    def test_smuggling(self):
        for extra in (b"Content-Length: 2\r\nContent-Length: 3", b"Content-Length: 2, 3", b"Content-Length: +2", b"Content-Length: -1",
                      b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked, identity",
                      b"Transfer-Encoding: xchunked", b"Content-Length: 99999999999999999999", b"Content-Length : 2",
                      b"Content-Length: 0x2"):
            head = self.web.head(Content_Type="application/json").replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n\r\n")
            reply = self.web.raw(head + b"{}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(reply.status, (400, 413, 501), extra)
            self.assertNotIn(b"ok\n", reply.body, extra)
        self.alive()

    def test_other_methods_paths_and_types(self):
        for method in ("GET", "DELETE", "PUT", "PATCH"):
            self.assertEqual(self.web.raw(self.web.head(method, MCP_Protocol_Version=MODERN)).status, 405, method)
        self.assertEqual(self.web.post(LIST, path="/").status, 404)
        self.assertIn(self.web.post(LIST, path="/mcp/../secret").status, (400, 404))
        self.assertEqual(self.modern(Content_Type="text/plain").status, 415)
        self.assertEqual(self.web.raw(self.web.head("GET", "/healthz")).status, 200)

    def test_batches(self):
        body = [LIST, {**LIST, "id": 2}]
        self.assertEqual(self.web.post(body).status, 400)
        for version in ("2025-06-18", LEGACY, MODERN):
            self.assertEqual(self.web.post(body, MCP_Protocol_Version=version).status, 400, version)
        self.alive()

    def test_headers_that_contradict_the_body(self):
        for wrong in ({"Mcp_Method": "tools/call"}, {"Mcp_Method": None}, {"MCP_Protocol_Version": "2025-06-18"}):
            reply = self.modern(**wrong)
            self.assertEqual((reply.status, reply.messages()[0]["error"]["code"]), (400, -32020), wrong)
        body, headers = self.web.message("tools/call", {"name": "delete_video", "arguments": {"video_id": "x"}})
        self.assertEqual(self.web.post(body, **{**headers, "Mcp_Name": "list_videos"}).status, 400)

    def legacy(self, body, **headers):
        return self.web.post(body, MCP_Protocol_Version=LEGACY, **headers)

    def initialize(self):
        reply = self.web.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "e2e", "version": "1"}}})
        self.assertEqual(reply.status, 200)
        session = {"Mcp_Session_Id": reply.headers["mcp-session-id"]} if "mcp-session-id" in reply.headers else {}
        self.assertEqual(self.legacy({"jsonrpc": "2.0", "method": "notifications/initialized"}, **session).status, 202)
        return session

    def test_both_eras_side_by_side(self):
        session = self.initialize()
        self.alive()
        tools = self.legacy(LIST, **session).messages()[-1]["result"]["tools"]
        self.assertEqual(len(tools), 16)

    def test_unknown_method(self):
        reply = self.web.post(*[self.web.message("tools/explode")[0]], **self.web.message("tools/explode")[1])
        self.assertEqual((reply.status, reply.messages()[0]["error"]["code"]), (404, -32601))

    def slow_job(self):
        return self.web.good("create_video", {"prompt": "x", "seconds": "120", "size": "1920x1080"})["id"]

    def figure(self, name):
        text = self.web.raw(self.web.head("GET", "/metrics")).body.decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))

    def test_cancelled_by_leaving(self):
        """Modern: whoever closes the connection has cancelled; work that waits for its turn is not done."""
        self.place.jpeg("large.jpg", 4000, 3000)
        socks = []
        for _ in range(60):
            body, headers = self.web.message("tools/call", {"name": "prepare_reference_image", "arguments": {
                "input_filename": "large.jpg", "target_size": "1792x1024"}})
            data = json.dumps(body).encode()
            socks.append(self.web.connect())
            socks[-1].sendall(self.web.head(Content_Type="application/json", Content_Length=str(len(data)), **headers) + data)
        until(lambda: self.figure("weir_image_slots_waiting") > 30, "the calls wait for their turns")
        for sock in socks:
            sock.close()
        until(lambda: self.figure("weir_image_slots_waiting") == 0, "nobody waits any more", 10)
        until(lambda: self.figure("weir_image_slots_in_use") == 0, "nothing is done any more", 20)
        self.assertLess(len(os.listdir(self.place.images)), 35)

    def test_cancelled_by_notification(self):
        session = self.initialize()
        slow = self.slow_job()
        data = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": {
            "name": "wait_for", "arguments": {"ids": [slow], "timeout": 50}}}).encode()
        fields = {"Content_Type": "application/json", "Content_Length": str(len(data)), "MCP_Protocol_Version": LEGACY,
                  "Accept": "application/json, text/event-stream"}
        begin = time.monotonic()
        with self.web.connect() as sock:
            sock.sendall(self.web.head(**fields, **session) + data)
            time.sleep(0.5)
            told = self.legacy({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 77}}, **session)
            self.assertEqual(told.status, 202)
            self.assertNotIn(b"completed", Reply(sock).body)
        self.assertLess(time.monotonic() - begin, 30)
        self.web.good("cancel_video", {"video_id": slow})

    def test_progress_over_http(self):
        made = self.web.good("create_video", {"prompt": "x", "seconds": "4", "size": "640x360"})["id"]
        notes = []
        answer = self.web.ask("tools/call", {"name": "wait_for", "arguments": {"ids": [made], "download": True}}, token="p",
                              notes=notes)
        self.assertTrue(answer["result"]["structuredContent"]["all_done"])
        values = [n["params"]["progress"] for n in notes if n["method"] == "notifications/progress"]
        self.assertTrue(values)
        self.assertEqual(values, sorted(set(values)))

    def test_a_thousand_slow_starters(self):
        """Clients that connect and say nothing do not keep others out."""
        socks = [self.web.connect() for _ in range(400)]
        begin = time.monotonic()
        self.alive()
        self.assertLess(time.monotonic() - begin, 20)
        for sock in socks:
            sock.close()

    def test_terminate_while_calls_run(self):
        slow = self.slow_job()
        body, headers = self.web.message("tools/call", {"name": "wait_for", "arguments": {"ids": [slow], "timeout": 50}})
        data = json.dumps(body).encode()
        with self.web.connect() as sock:
            sock.sendall(self.web.head(Content_Type="application/json", Content_Length=str(len(data)), **headers) + data)
            time.sleep(0.3)
            begin = time.monotonic()
            self.assertIn(self.web.terminate(), (0, 130))
            self.assertLess(time.monotonic() - begin, 12)


class Ports(WithPlace):
    def test_taken_port_is_told_in_a_sentence(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            ran = run(self.place, "serve", "--http", f"127.0.0.1:{port}", timeout=30)
        self.assertIn(ran.code, (1, 3))
        self.assertIn(str(port), ran.err)
        self.assertEqual(ran.out, "")
        self.assertLess(len(ran.err.strip().splitlines()), 3)

    def test_wrong_addresses(self):
        for address in ("127.0.0.1:99999", "127.0.0.1:x", "[::1", "nonsense.invalid:80", "0.0.0.0:0", "8.8.8.8:80"):
            ran = run(self.place, "serve", "--http", address, timeout=60)
            self.assertIn(ran.code, (1, 2, 3), address)
            self.assertTrue(ran.err.startswith("weir: "), ran.err)

    def test_open_to_others_only_with_names(self):
        self.assertIn("--allow-host", run(self.place, "serve", "--http", "0.0.0.0:0").err)


if __name__ == "__main__":
    unittest.main()
