"""Starts weir-fake-openai for the Python tests, and speaks HTTP over a bare socket so that faults stay visible."""

import json
import re
import socket
import struct
import subprocess
import sys
import zlib

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "weir-fake-openai"
PATIENCE = 60


class Fake:
    """One running stand-in; ends with the `with` block."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [PROGRAM, "--with-parent", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://127\.0\.0\.1:(\d+)/v1)\n", first)
        if not found:
            self.close()
            raise RuntimeError(f"{PROGRAM} did not come up; its first line is {first!r}")
        self.base_url, self.port = found[1], int(found[2])
        self.origin = self.base_url.removesuffix("/v1")

    def close(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()
        if code != 0:
            raise RuntimeError(f"{PROGRAM} ended with {code}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def control(self, method, path, body=None):
        a = self.ask(method, path, json.dumps(body).encode() if body is not None else b"")
        if a.status != 200:
            raise RuntimeError(f"{method} {path}: {a.status} {a.body!r}")
        return json.loads(a.body)

    def journal(self):
        return self.control("GET", "/_fake/journal")["requests"]

    def bought(self):
        return self.control("GET", "/_fake/bought")

    def faults(self, *rules):
        return self.control("POST", "/_fake/faults", list(rules))

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        s.settimeout(PATIENCE)
        return s

    def ask(self, method, path, body=b"", headers=None, key="test-key", content_type="application/json"):
        """Sends one request on a connection of its own and reads until the end of that connection."""
        lines = {"Host": "127.0.0.1", "Connection": "close", **(headers or {})}
        if key:
            lines["Authorization"] = "Bearer " + key
        if body or method == "POST":
            lines.setdefault("Content-Type", content_type)
            lines.setdefault("Content-Length", str(len(body)))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
        return self.raw(head.encode() + body)

    def raw(self, request_bytes):
        with self.connect() as s:
            s.sendall(request_bytes)
            return Answer(s)

    def post(self, path, value, **more):
        return self.ask("POST", path, json.dumps(value).encode(), **more)

    def create_video(self, prompt="a sea", **more):
        a = self.post("/v1/videos", {"prompt": prompt, **more})
        assert a.status == 200, (a.status, a.body)
        return a.json()["id"]


class Answer:
    """Everything that came until the connection ended, taken apart but not believed: `body` is what arrived."""

    def __init__(self, s):
        self.was_reset = False
        raw = bytearray()
        try:
            while block := s.recv(1 << 16):
                raw += block
        except ConnectionResetError:
            self.was_reset = True
        self.raw = bytes(raw)
        head, _, self.body = self.raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if self.raw else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]

    def dechunk(self):
        """Returns the body and whether its last chunk arrived."""
        out, rest = b"", self.body
        while True:
            size_line, found, rest = rest.partition(b"\r\n")
            if not found:
                return out, False
            size = int(size_line, 16)
            if size == 0:
                return out, rest == b"\r\n"
            out, rest = out + rest[:size], rest[size + 2:]


def png(width, height, alpha=False):
    """A picture of one colour, made without any library."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    channels = 4 if alpha else 3
    rows = (b"\0" + b"\x20" * (width * channels)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def png_size(data):
    """Checks signature, every CRC and the pixel data; returns (width, height, colour type)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels, header = 8, b"", None
    while True:
        size, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0], name
        at += 12 + size
        if name == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        if name == b"IDAT":
            pixels += body
        if name == b"IEND":
            break
    assert at == len(data)
    width, height, _, colour = header[:4]
    assert len(zlib.decompress(pixels)) == height * (1 + width * {2: 3, 6: 4}[colour])
    return width, height, colour


def form(*fields):
    """multipart/form-data of (name, value) and (name, filename, type, bytes). Returns (body, content type)."""
    out = b""
    for f in fields:
        if len(f) == 2:
            out += f'--b0undary\r\nContent-Disposition: form-data; name="{f[0]}"\r\n\r\n{f[1]}\r\n'.encode()
        else:
            out += (f'--b0undary\r\nContent-Disposition: form-data; name="{f[0]}"; filename="{f[1]}"\r\n'
                    f"Content-Type: {f[2]}\r\n\r\n").encode() + f[3] + b"\r\n"
    return out + b"--b0undary--\r\n", "multipart/form-data; boundary=b0undary"
