"""Speaks MCP to the real program over real pipes and sockets. Everything that a server says is kept and searched for
the paths of its folders: none may ever appear."""

import io
import json
import socket
import subprocess
import sys
import threading
import time

from weir_process import *  # noqa: F401,F403  (a test imports this one module)
from weir_process import PATIENCE, Process

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = "io.modelcontextprotocol/"


def modern_meta(version=MODERN, **more):
    return {META + "protocolVersion": version, META + "clientInfo": {"name": "e2e", "version": "1"},
            META + "clientCapabilities": {}, **more}


class Talk:
    """What stdio and HTTP have in common."""

    def call(self, tool, arguments=None, timeout=PATIENCE, **more):
        """Returns the result of one call; a JSON-RPC error is a failure of the test."""
        answer = self.ask("tools/call", {"name": tool, "arguments": {} if arguments is None else arguments},
                          timeout=timeout, **more)
        if "result" not in answer:
            raise AssertionError(f"{tool}: {answer}")
        return answer["result"]

    def good(self, tool, arguments=None, **more):
        """Returns what the tool gave, which must be no error."""
        result = self.call(tool, arguments, **more)
        if result.get("isError"):
            raise AssertionError(f"{tool} failed: {text_of(result)}")
        return result["structuredContent"]

    def bad(self, tool, arguments=None, **more):
        """Returns the text of the error that the tool must give."""
        result = self.call(tool, arguments, **more)
        if not result.get("isError"):
            raise AssertionError(f"{tool} did not fail: {text_of(result)}")
        return text_of(result)


def text_of(result):
    return "\n".join(block["text"] for block in result["content"] if block["type"] == "text")


class Stdio(Process, Talk):
    """A server on pipes. `version` None: no handshake, each request carries its revision."""

    def __init__(self, place, *arguments, env=None, version=LEGACY, handshake=True, **more):
        super().__init__(place, [*arguments, "serve", "--stdio"], env=env, **more)
        self.version, self.lines, self.notifications = version, [], []
        self.answers, self.arrived, self.next_id = {}, {}, 0
        self.is_closed, self.turn = False, threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if version and handshake:
            self.initialize(version)

    def initialize(self, version=LEGACY):
        answer = self.ask("initialize", {"protocolVersion": version, "capabilities": {},
                                         "clientInfo": {"name": "e2e", "version": "1"}}, modern=False)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def read(self):
        for line in io.BufferedReader(self.process.stdout, 1 << 20):
            message = json.loads(line)
            with self.turn:
                self.lines.append(line)
                for one in message if isinstance(message, list) else [message]:
                    if "method" in one:
                        self.notifications.append(one)
                    else:
                        self.answers[one.get("id")] = one
                        self.arrived[one.get("id")] = time.monotonic()
                self.turn.notify_all()
        with self.turn:
            self.is_closed = True
            self.turn.notify_all()

    def send_bytes(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view):]

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def request(self, method, params=None, modern=None, token=None):
        """Sends a request and returns its id."""
        with self.turn:
            self.next_id += 1
            number = self.next_id
        params = dict(params or {})
        meta = {} if token is None else {"progressToken": token}
        if modern if modern is not None else self.version is None:
            meta = modern_meta(**meta)
        if meta:
            params["_meta"] = {**params.get("_meta", {}), **meta}
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number

    def wait(self, number, timeout=PATIENCE):
        end = time.monotonic() + timeout
        with self.turn:
            while number not in self.answers:
                left = end - time.monotonic()
                if left <= 0 or self.is_closed:
                    raise AssertionError(f"no answer to request {number} "
                                         f"({'the server is gone' if self.is_closed else 'too late'}): {self.stderr()}")
                self.turn.wait(left)
            return self.answers[number]

    def ask(self, method, params=None, timeout=PATIENCE, **more):
        return self.wait(self.request(method, params, **more), timeout)

    def raw(self, data, number, timeout=PATIENCE):
        """Sends bytes as they are and waits for the answer with that id (None: the one without an id)."""
        with self.turn:
            self.answers.pop(number, None)
        self.send_bytes(data)
        return self.wait(number, timeout)

    def close(self, timeout=PATIENCE):
        """Ends the input; returns the exit code. Fails where the server has named a path of its own."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            code = self.process.wait(timeout)
        finally:
            self.kill()
        self.reader.join(PATIENCE)
        self.process.stdout.close()
        self.check_paths()
        self.log.close()
        return code

    def check_paths(self):
        secret = str(self.place.base).encode()
        for line in self.lines:
            if secret in line:
                raise AssertionError(f"a path of the server is in {line[:600]!r}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
            print(self.stderr()[-4000:], file=sys.stderr)
            self.process.stdin.close()
            self.reader.join(PATIENCE)
            self.process.stdout.close()
            self.log.close()
        elif not self.log.closed:
            self.close()


class Reply:
    """One HTTP answer, read until the connection ended or its length was there."""

    def __init__(self, sock, head_only=False):
        self.was_reset, raw = False, bytearray()
        try:
            while True:
                block = sock.recv(1 << 16)
                raw += block
                if not block or (head_only and b"\r\n\r\n" in raw):
                    break
        except ConnectionResetError:
            self.was_reset = True
        self.raw = bytes(raw)
        head, _, body = self.raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if raw else None
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        self.body = dechunk(body) if self.headers.get("transfer-encoding") == "chunked" and not head_only else body

    def messages(self):
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            text = self.body.decode().replace("\r\n", "\n")
            return [json.loads(line[5:]) for line in text.split("\n") if line.startswith("data:") and line[5:].strip()]
        return [json.loads(self.body)] if self.body else []


def dechunk(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        n = int(size, 16)
        if n == 0:
            break
        out, body = out + body[:n], body[n + 2:]
    return out


class Http(Process, Talk):
    """A server on a port of its own. Modern by default: every request stands alone."""

    def __init__(self, place, *arguments, env=None, **more):
        super().__init__(place, [*arguments, "serve", "--http", "127.0.0.1:0"], env=env, stdin=subprocess.DEVNULL, **more)
        self.replies, self.next_id, self.turn = [], 0, threading.Lock()
        end = time.monotonic() + PATIENCE
        while "/mcp" not in self.stderr():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server did not come up: {self.stderr()}")
            time.sleep(0.005)
        self.port = int(self.stderr().partition("http://127.0.0.1:")[2].partition("/")[0])

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        sock.settimeout(PATIENCE)
        return sock

    def raw(self, data, **more):
        with self.connect() as sock:
            try:
                sock.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused while it was sent: the answer may be there all the same
            reply = Reply(sock, **more)
        self.replies.append(reply.raw)
        return reply

    def head(self, method="POST", path="/mcp", **headers):
        fields = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
        lines = [f"{method} {path} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields.items() if v is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def post(self, body, path="/mcp", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content_Type": "application/json", "Accept": "application/json, text/event-stream",
                  "Content_Length": str(len(data)), **headers}
        return self.raw(self.head(path=path, **fields) + data)

    def message(self, method, params=None, token=None):
        """Returns a modern request and its headers."""
        with self.turn:
            self.next_id += 1
            number = self.next_id
        params = dict(params or {})
        params["_meta"] = modern_meta(**({} if token is None else {"progressToken": token}))
        headers = {"MCP_Protocol_Version": MODERN, "Mcp_Method": method}
        name = params.get("name") or params.get("uri")
        if method in ("tools/call", "resources/read") and name:
            headers["Mcp_Name"] = name
        return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}, headers

    def ask(self, method, params=None, timeout=PATIENCE, token=None, notes=None):
        body, headers = self.message(method, params, token)
        messages = self.post(body, **headers).messages()
        if notes is not None:
            notes += messages[:-1]
        return messages[-1]

    def close(self):
        """Ends the server; returns the exit code. Fails where it has named a path of its own."""
        try:
            code = self.terminate() if self.process.poll() is None else self.process.returncode
        finally:
            self.kill()
        self.process.stdout.close()
        self.log.close()
        for raw in self.replies:
            if str(self.place.base).encode() in raw:
                raise AssertionError(f"a path of the server is in {raw[:600]!r}")
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
            print(self.stderr()[-4000:], file=sys.stderr)
            self.process.stdout.close()
            self.log.close()
        elif not self.log.closed:
            self.close()
