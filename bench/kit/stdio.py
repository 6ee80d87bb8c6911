"""An MCP client on a pipe, one call after the other."""
import json

from . import mcp
from .processes import Process


class StdioClient:
    def __init__(self, server, env=None):
        self.process = Process(server.stdio, env=env)
        self.next_id = 0
        self.ask(mcp.INITIALIZE)
        self.send(mcp.HANDSHAKE[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.close()

    def send(self, line):
        self.process.child.stdin.write(line.encode() + b"\n")
        self.process.child.stdin.flush()

    def ask(self, template):
        """Sends a request and returns its response; what comes between is left out."""
        self.next_id += 1
        self.send(template.replace("@ID@", str(self.next_id)))
        while True:
            line = self.process.child.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            message = json.loads(line)
            if message.get("id") == self.next_id and "method" not in message:
                return message

    def call(self, name, arguments):
        """Returns the result of a tool. Raises where it failed."""
        answer = self.ask(mcp.call(name, arguments))
        if not mcp.is_good(answer):
            raise RuntimeError(f"{name} failed: {json.dumps(answer)[:500]}")
        return answer["result"]
