"""A proxy that lets a part of the traffic through and then holds the rest: whatever is killed or interrupted meanwhile is
in the middle of its work, however fast or slow the machine is."""

import socket
import threading
from urllib.parse import urlsplit


class HoldingProxy:
    """Holds requests once `max_requests` whose first line has `pattern` have passed, or answers once `max_answer_bytes`
    have; `None`: that is not counted. Requests must come one at a time on a connection, as curl's do."""

    def __init__(self, url, pattern=b"", max_requests=None, max_answer_bytes=None):
        parts = urlsplit(url)
        self.to = (parts.hostname, parts.port)
        self.pattern, self.max_requests, self.max_answer_bytes = pattern, max_requests, max_answer_bytes
        self.turn, self.may_pass = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self.listener.getsockname()[1]}{parts.path}"
        threading.Thread(target=self.accept, daemon=True).start()

    def release(self):
        """Lets everything pass from now on."""
        self.may_pass.set()

    def close(self):
        self.release()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:  # closed
                return
            threading.Thread(target=self.connection, args=(client,), daemon=True).start()

    def connection(self, client):
        with client, socket.create_connection(self.to) as server:
            answers = threading.Thread(target=self.pump, args=(self.answers, server, client), daemon=True)
            answers.start()
            self.pump(self.requests, client, server)
            answers.join()

    def pump(self, let_pass, source, sink):
        try:
            while data := source.recv(65536):
                let_pass(data, sink)
        except OSError:  # one of the two is gone
            pass
        for one in source, sink:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def requests(self, data, sink):
        with self.turn:
            is_held = False
            if self.max_requests is not None and self.pattern in data.partition(b"\r\n")[0]:
                is_held = self.max_requests == 0
                self.max_requests -= not is_held
        if is_held:
            self.may_pass.wait()
        sink.sendall(data)

    def answers(self, data, sink):
        with self.turn:
            room = len(data)
            if self.max_answer_bytes is not None:
                room = min(room, self.max_answer_bytes)
                self.max_answer_bytes -= room
        sink.sendall(data[:room])
        if room < len(data):
            self.may_pass.wait()
            sink.sendall(data[room:])
