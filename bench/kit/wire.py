"""Many requests at once on one pipe or on many HTTP connections, from one thread, with a probe beside them.

The probe is sent at fixed times whether the one before was answered or not, and its time counts from the moment when
it was due: a server that does not listen for a second has a hundred late answers, not one.
"""
import collections
import os
import re
import select
import socket
import time

from . import mcp

ID = re.compile(rb'"id":\s*(\d+)')


def events_in(poller, seconds):
    """epoll's own time limit is rounded up to milliseconds, which would make every probe half a millisecond late."""
    select.select([poller.fileno()], [], [], max(0, seconds))
    return poller.poll(0)


class StdioWire:
    def __init__(self, process):
        self.read_fd, self.write_fd = process.child.stdout.fileno(), process.child.stdin.fileno()
        os.set_blocking(self.read_fd, False)
        os.set_blocking(self.write_fd, False)
        self.unsent, self.unread = bytearray(), bytearray()
        self.poller = select.epoll()
        self.poller.register(self.read_fd, select.EPOLLIN)
        self.poller.register(self.write_fd, 0)

    def submit(self, number, text):
        self.unsent += text.encode() + b"\n"
        self._write()

    def _write(self):
        try:
            while self.unsent:
                del self.unsent[:os.write(self.write_fd, self.unsent)]
        except BlockingIOError:
            pass

    def wait(self, seconds):
        """Gives (number, text) of each response that came."""
        self.poller.modify(self.write_fd, select.EPOLLOUT if self.unsent else 0)
        events_in(self.poller, seconds)
        self._write()
        try:
            piece = os.read(self.read_fd, 1 << 20)
            if not piece:
                raise RuntimeError("the server ended")
        except BlockingIOError:
            return
        self.unread += piece
        while (end := self.unread.find(b"\n")) >= 0:
            line = bytes(self.unread[:end])
            del self.unread[:end + 1]
            found = ID.search(line[:100]) or ID.search(line[-100:])
            if found and b'"method":' not in line[:100]:
                yield int(found.group(1)), line


class HttpWire:
    """Keeps connections and opens another one where all are busy; the 257th request waits for one."""

    max_connections = 256  # more would fill the queue of connections that a deaf server has not accepted

    def __init__(self, port, headers=()):
        self.port, self.headers = port, "".join(line + "\r\n" for line in headers)
        self.idle, self.busy, self.waiting = [], {}, collections.deque()
        self.poller = select.epoll()

    def submit(self, number, text):
        if self.idle:
            connection = self.idle.pop()
        elif len(self.busy) >= self.max_connections:
            self.waiting.append((number, text))
            return
        else:
            connection = socket.create_connection(("127.0.0.1", self.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.poller.register(connection, select.EPOLLIN)
        body = text.encode()
        self.busy[connection.fileno()] = [connection, number, bytearray()]
        connection.sendall((f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
                            f"Accept: application/json, text/event-stream\r\n{self.headers}"
                            f"Content-Length: {len(body)}\r\n\r\n").encode() + body)

    def wait(self, seconds):
        for fd, _ in events_in(self.poller, seconds):
            if fd not in self.busy:  # an idle connection that the server has closed
                gone = next(one for one in self.idle if one.fileno() == fd)
                self.idle.remove(gone)
                self.poller.unregister(fd)
                gone.close()
                continue
            connection, number, text = self.busy[fd]
            piece = connection.recv(1 << 20)
            if not piece:
                raise RuntimeError("the server closed a connection before it answered")
            text += piece
            body = whole_body(text)
            if body is None:
                continue
            del self.busy[fd]
            if b"connection: close" in bytes(text[:2000]).lower():
                self.poller.unregister(fd)
                connection.close()
            else:
                self.idle.append(connection)
            if self.waiting:
                self.submit(*self.waiting.popleft())
            yield number, body

    def close(self):
        for connection in [*self.idle, *(entry[0] for entry in self.busy.values())]:
            connection.close()


def whole_body(text):
    """The body of the response in `text`, or None while a part is missing."""
    end = text.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, at = bytes(text[:end]).lower(), end + 4
    if found := re.search(rb"content-length: *(\d+)", head):
        length = int(found.group(1))
        return bytes(text[at:at + length]) if len(text) >= at + length else None
    if not text.endswith(b"0\r\n\r\n"):
        return None
    body = b""
    while True:
        line = text.find(b"\r\n", at)
        size = int(text[at:line].split(b";")[0], 16)
        if size == 0:
            return body
        body += bytes(text[line + 2:line + 2 + size])
        at = line + 2 + size + 2


def burst(wire, requests, probe=None, interval=0.01, patience=300):
    """Sends all requests at once, and `probe` every `interval` seconds until all are answered.

    Returns (answers in order, seconds, times of the probes in seconds, how late the probes were sent in seconds). The
    last is part of the times before it, and no fault of the server: the one who measures had no core."""
    raise_priority()
    first, first_probe = 1_000, 1_000_000
    answers, outstanding = {}, len(requests)
    due_at, took, late = {}, [], []
    start = time.perf_counter()
    for i, template in enumerate(requests):
        wire.submit(first + i, template.replace("@ID@", str(first + i)))
    sent, finished, first_due = 0, None, time.perf_counter()  # while all were sent no probe could be
    while outstanding or due_at:
        now = time.perf_counter()
        if now - start > patience:
            raise RuntimeError(f"{outstanding} calls and {len(due_at)} probes were not answered in {patience} s")
        due = first_due + sent * interval
        if outstanding and probe and now >= due:
            number = first_probe + sent
            due_at[number] = due
            late.append(now - due)
            wire.submit(number, probe.replace("@ID@", str(number)))
            sent += 1
            continue
        for number, text in wire.wait(due - now if outstanding and probe else 1):
            if number in due_at:
                took.append(time.perf_counter() - due_at.pop(number))
            elif number not in answers:
                answers[number] = text
                outstanding -= 1
                finished = time.perf_counter()
    return [mcp.message_in(answers[first + i].decode()) for i in range(len(requests))], finished - start, took, late


def raise_priority():
    """The one who measures stands for another machine: it must not wait for a core behind the work that it measures,
    which even at the best niceness it does for some milliseconds. Root only; else as it is."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        pass


def normal_priority():
    """Before a server is started, which would inherit it."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        pass


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else None
