"""The messages that are measured, and the servers that answer them."""
import contextlib
import http.client
import json
import os
import socket
import subprocess
import tempfile
import time

from .processes import Process

MODERN, LEGACY = "2026-07-28", "2025-06-18"
CLIENT = {"name": "weir-bench", "version": "1"}
MODERN_META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientInfo": CLIENT,
               "io.modelcontextprotocol/clientCapabilities": {}}


def request(method, params=None, modern=False, id="@ID@"):
    """The text of a request; the load driver puts numbers where @ID@ stands."""
    params = dict(params or {})
    if modern:
        params["_meta"] = MODERN_META
    text = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}, separators=(",", ":"))
    return text.replace('"@ID@"', "@ID@")


def call(name, arguments=None, modern=False, id="@ID@"):
    return request("tools/call", {"name": name, "arguments": arguments or {}}, modern, id)


INITIALIZE = request("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT})
HANDSHAKE = [INITIALIZE, '{"jsonrpc":"2.0","method":"notifications/initialized"}']


def modern_headers(method, name=None):
    lines = ["MCP-Protocol-Version: " + MODERN, "Mcp-Method: " + method]
    return lines + (["Mcp-Name: " + name] if name else [])


LEGACY_HEADERS = ["MCP-Protocol-Version: " + LEGACY]


def media_environment(folder, api=None):
    """Both products find their folder and their provider by the same variables."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("WEIR_", "SANZARU_", "OPENAI_"))}
    env.update(SANZARU_MEDIA_PATH=str(folder), OPENAI_API_KEY="sk-bench", HOME=str(folder),
               OPENAI_BASE_URL=api or "http://127.0.0.1:9/v1")
    return env


class Server:
    """How a server is started: on stdio as it is, over HTTP with a port put in."""

    def __init__(self, name, stdio, http, modern, waits_for_port=False):
        self.name, self.stdio, self.http, self.modern, self.waits_for_port = name, stdio, http, modern, waits_for_port


def weir(programs):
    return Server("weir", [programs.weir, "serve", "--stdio"],
                  lambda port: [programs.weir, "serve", "--http", f"127.0.0.1:{port}"], True)


def sanzaru(bin_folder):
    return Server("Sanzaru 0.10.0", [str(bin_folder / "sanzaru")],
                  lambda port: [str(bin_folder / "sanzaru"), "--transport", "http", "--port", str(port)], False)


def weir_echo(programs):
    return Server("weir (library)", [programs.echo], lambda _: [programs.echo, "http"], True, True)


def typescript_echo(folder):
    script = ["node", str(folder / "typescript_server.mjs")]
    return Server("TypeScript SDK 2.4.0", script, lambda _: [*script, "http"], True, True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def http_server(server, env=None):
    """Starts the server and waits until it answers. Gives (process, port)."""
    port = free_port()
    with Process(server.http(port), env=env, quiet=not server.waits_for_port) as process:
        if server.waits_for_port:
            port = int(process.child.stdout.readline().split()[1])
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.child.poll() is not None:
                    raise RuntimeError(f"{server.name} does not listen") from None
                time.sleep(0.02)
        yield process, port


def post(port, body, headers=(), timeout=300):
    """One request on a connection of its own. Returns the JSON-RPC message of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    given = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    given.update(line.split(": ", 1) for line in headers)
    connection.request("POST", "/mcp", body, given)
    text = connection.getresponse().read().decode()
    connection.close()
    return message_in(text)


def message_in(text):
    """The response in a JSON body or in a stream of events."""
    if text.startswith("{"):
        return json.loads(text)
    for line in text.splitlines():
        if line.startswith("data:") and ('"result"' in line or '"error"' in line):
            return json.loads(line[5:])
    raise ValueError("no JSON-RPC message in: " + text[:300])


def is_good(message):
    return "result" in message and not message["result"].get("isError")


def load(programs, mode, env=None, command=(), **options):
    """Runs weir-bench-load. Options that are lists of lines or texts are given as files."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        words = [programs.load, mode]
        for key, value in options.items():
            if key in ("setup", "request", "headers"):
                path = os.path.join(folder, key)
                with open(path, "w") as file:
                    file.write("\n".join([value] if isinstance(value, str) else value) + "\n")
                value = path
            words += ["--" + key.replace("_", "-"), str(value)]
        if command:
            words += ["--", *command]
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the load driver failed")
        result = json.loads(done.stdout)
        if result.get("errors"):
            raise RuntimeError(f"{result['errors']} answers were errors. {done.stderr[-700:]}")
        return result
