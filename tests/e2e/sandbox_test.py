"""Pictures are decoded in worker processes: what comes out, what is left when one of them or the server dies, and the
switch."""

import ctypes
import os
import resource
import signal
import struct
import threading
import time
import unittest
import zlib
from pathlib import Path

from weir_client import Http, Process, Stdio, WithPlace, png, run, text_of, until


def of_proc(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def workers(server):
    return [pid for pid in server.children() if of_proc(pid, "cmdline").startswith(b"weir-worker")]


def cpu_ticks(pid):
    fields = of_proc(pid, "stat").rpartition(b")")[2].split()
    return int(fields[11]) if fields else 0


def is_gone(pid):
    fields = of_proc(pid, "stat").rpartition(b")")[2].split()
    return not fields or fields[0] in (b"Z", b"X")


def without_landlock():
    """From here on the system calls of Landlock do not exist (seccomp_data: the number is at 0)."""
    libc = ctypes.CDLL(None, use_errno=True)
    rules = b"".join(struct.pack("HBBI", *rule) for rule in (
        (0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)))
    code = ctypes.create_string_buffer(rules, len(rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules) // 8, ctypes.addressof(code)))
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
        os._exit(99)


class Sandbox(WithPlace):
    def server(self, switch=None, kind=Stdio, **more):
        server = kind(self.place, env=self.place.env(WEIR_IMAGE_SANDBOX=switch), **more)
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        server.kill()
        if reader := getattr(server, "reader", None):
            reader.join()
        for end in (server.process.stdin, server.process.stdout, server.log):
            if end:
                end.close()

    def arguments(self, name, size="320x180", mode="crop"):
        return {"input_filename": name, "target_size": size, "resize_mode": mode}

    def prepare(self, server, name, *more):
        return server.call("prepare_reference_image", self.arguments(name, *more))

    def large(self):
        """Takes a few tenths of a second to decode."""
        self.place.jpeg("large.jpg", 8000, 7500)

    def busy_worker(self, server):
        return until(lambda: next((pid for pid in workers(server) if cpu_ticks(pid) >= 3), None), "a worker at work")

    def begin_large(self, server):
        return server.request("tools/call", {"name": "prepare_reference_image", "arguments": self.arguments("large.jpg")})

    def test_nothing_is_started_before_the_first_picture(self):
        self.place.picture()
        server = self.server()
        server.good("list_reference_images")
        until(lambda: "pictures are decoded in processes of their own" in server.stderr(), "the line on the sandbox")
        self.assertEqual(server.children(), [])
        self.assertFalse(self.prepare(server, "photo.png").get("isError"))
        self.assertNotEqual(workers(server), [])

    def test_off_starts_no_process(self):
        self.place.picture()
        server = self.server("off")
        self.assertFalse(self.prepare(server, "photo.png").get("isError"))
        self.assertEqual(server.children(), [])
        self.assertIn("image sandbox: off", server.stderr())

    def test_the_same_bytes_with_and_without(self):
        self.place.jpeg("photo.jpg", 1600, 1200)
        self.place.picture("plate.png", 333, 77)
        inside, outside = self.server(), self.server("off")
        for name in ("photo.jpg", "plate.png"):
            for size in ("1280x720", "1x1", "31x400"):
                for mode in ("crop", "pad", "rescale"):
                    a, b = (self.prepare(s, name, size, mode)["structuredContent"] for s in (inside, outside))
                    self.assertEqual((a["sha256"], a["bytes"], a["original_size"]),
                                     (b["sha256"], b["bytes"], b["original_size"]), (name, size, mode))
                    one, other = ((self.place.images / x["output_filename"]).read_bytes() for x in (a, b))
                    self.assertEqual(one, other)

    def test_the_same_errors_with_and_without(self):
        jpeg = self.place.jpeg("photo.jpg", 1600, 1200).read_bytes()
        plate = png(300, 200)
        flipped = bytearray(plate)
        flipped[60] ^= 0xFF
        bomb = bytearray(plate)
        bomb[16:24] = struct.pack(">II", 60_000, 60_000)
        bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
        inside, outside = self.server(), self.server("off")
        for data in (b"", b"\xff", jpeg[:2], jpeg[:300], jpeg[:len(jpeg) // 2], plate[:20], plate[:-20], bytes(flipped),
                     bytes(bomb), b"GIF89a\x01\0\x01\0", b"root:x:0:0\n" * 100, b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0"):
            self.place.picture("bad ü.png", data=data)
            a, b = (self.prepare(server, "bad ü.png") for server in (inside, outside))
            self.assertTrue(a.get("isError"), text_of(a))
            self.assertEqual(text_of(a), text_of(b))
        self.assertEqual(sorted(os.listdir(self.place.images)), ["bad ü.png", "photo.jpg"])

    def test_a_killed_decoder_is_one_error(self):
        self.large()
        self.place.picture()
        for kind in (Stdio, Http):
            for number in (signal.SIGKILL, signal.SIGSEGV):
                server = self.server(kind=kind)
                if kind is Stdio:
                    request = self.begin_large(server)
                    os.kill(self.busy_worker(server), number)
                    result = server.wait(request)["result"]
                else:
                    found = []
                    caller = threading.Thread(target=lambda: found.append(self.prepare(server, "large.jpg")))
                    caller.start()
                    os.kill(self.busy_worker(server), number)
                    caller.join()
                    result = found[0]
                self.assertTrue(result.get("isError"))
                self.assertIn("large.jpg", text_of(result))
                self.assertIn("Nothing was changed", text_of(result))
                self.assertIn("killed" if number == signal.SIGKILL else "SIGSEGV", text_of(result))
                self.assertEqual(sorted(os.listdir(self.place.images)), ["large.jpg", "photo.png"])
                self.assertFalse(self.prepare(server, "photo.png").get("isError"))
                self.assertFalse(self.prepare(server, "large.jpg").get("isError"))
                for made in self.place.images.glob("*_320x180*"):
                    made.unlink()
                server.kill()

    def test_many_crashes_do_not_keep_others_out(self):
        self.large()
        self.place.picture()
        server = self.server()
        for _ in range(7):
            request = self.begin_large(server)
            os.kill(self.busy_worker(server), signal.SIGABRT)
            self.assertTrue(server.wait(request)["result"].get("isError"))
        self.assertFalse(self.prepare(server, "photo.png").get("isError"))

    def test_a_cancelled_call_ends_its_worker(self):
        self.large()
        server = self.server()
        request = self.begin_large(server)
        busy = self.busy_worker(server)
        server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request}})
        until(lambda: is_gone(busy), "the end of the worker")
        self.assertEqual(os.listdir(self.place.images), ["large.jpg"])

    def test_a_killed_server_leaves_no_worker(self):
        self.large()
        server = self.server()
        self.begin_large(server)
        self.busy_worker(server)
        below = server.children()
        self.assertGreater(len(below), 1)
        server.process.kill()
        end = time.monotonic() + 0.2
        while time.monotonic() < end and not all(map(is_gone, below)):
            time.sleep(0.002)
        self.assertTrue(all(map(is_gone, below)))

    def test_commands_are_sandboxed_too(self):
        self.large()
        for switch, expected in (("off", False), ("auto", True)):
            server = Process(self.place, ["--image-sandbox", switch, "image", "prepare", "large.jpg", "--size",
                                                   "64x64", "-o", f"{switch}.png"], cwd=self.place.images)
            self.addCleanup(self.end, server)
            seen = False
            while server.process.poll() is None:
                seen = seen or workers(server) != []
                time.sleep(0.002)
            self.assertEqual(server.process.returncode, 0, server.stderr())
            self.assertEqual(seen, expected)
        self.assertEqual((self.place.images / "off.png").read_bytes(), (self.place.images / "auto.png").read_bytes())

    def test_the_embedded_provider_decodes_in_workers(self):
        self.place.jpeg("photo.jpg", 1600, 1200)
        made = []
        for switch in (None, "off"):
            server = self.server(switch)
            result = server.good("edit_image", {"prompt": "x", "input_images": ["photo.jpg"]})
            made.append(result["sha256"])
            self.assertEqual(workers(server) != [], switch is None)
        self.assertEqual(made[0], made[1])

    def test_where_no_worker_can_start(self):
        """Without room for the shared memory: an error in auto, as ever with off."""
        self.place.picture()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # noqa: E731
        server = self.server(preexec=limit)
        result = self.prepare(server, "photo.png")
        self.assertTrue(result.get("isError"))
        self.assertIn("photo.png", text_of(result))
        server.good("list_reference_images")
        self.assertFalse(self.prepare(self.server("off", preexec=limit), "photo.png").get("isError"))

    def test_on_refuses_a_kernel_without_landlock(self):
        self.place.picture()
        server = self.server("auto", preexec=without_landlock)
        self.assertFalse(self.prepare(server, "photo.png").get("isError"))
        self.assertNotEqual(workers(server), [])
        until(lambda: "Landlock" in server.stderr(), "what is missing")
        refused = self.server("on", preexec=without_landlock, handshake=False)
        self.assertEqual(refused.process.wait(60), 3)
        self.assertIn("WEIR_IMAGE_SANDBOX", refused.stderr())

    def test_on_where_it_is_granted(self):
        self.place.picture()
        server = self.server("on", handshake=False)
        try:
            server.process.wait(1)
        except Exception:
            server.initialize()
            self.assertFalse(self.prepare(server, "photo.png").get("isError"))
            self.assertNotEqual(workers(server), [])
        else:
            self.skipTest(server.stderr())

    def test_a_wrong_switch(self):
        for ran in (run(self.place, "doctor", env=self.place.env(WEIR_IMAGE_SANDBOX="maybe")),
                    run(self.place, "doctor", "--image-sandbox", "maybe")):
            self.assertNotEqual(ran.code, 0)
            self.assertIn("maybe", ran.err)

    def test_doctor_tries_it(self):
        for switch in ("auto", "off"):
            checks = run(self.place, "doctor", "--json", "--image-sandbox", switch).envelope()["result"]["checks"]
            one = next(c for c in checks if c["name"].startswith("image sandbox"))
            self.assertTrue(one["ok"], one)
            self.assertTrue(one["detail"].startswith(switch), one)


if __name__ == "__main__":
    unittest.main()
