"""Files that call themselves pictures, and disks that are full."""

import os
import resource
import struct
import subprocess
import time
import unittest
import zlib

from weir_client import Http, Stdio, WithPlace, png, png_size, text_of


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width, height, depth=8, colour=2):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def zeros(megabytes):
    """A zlib stream that unpacks to so many megabytes."""
    packer = zlib.compressobj(9)
    return b"".join([packer.compress(bytes(1 << 20)) for _ in range(megabytes)] + [packer.flush()])


def small_image(extra):
    body = chunk(b"IDAT", zlib.compress((b"\0" + b"\x40" * 24) * 8)) + chunk(b"IEND", b"")
    return header(8, 8) + extra + body


class Pictures(WithPlace):
    def setUp(self):
        super().setUp()
        self.place.picture("good.png")
        self.server = Stdio(self.place)
        self.addCleanup(lambda: self.server.__exit__(None))
        self.prepare("good.png")
        self.base = self.server.status("VmHWM")

    def prepare(self, name, size="1280x720", mode="crop"):
        return self.server.call("prepare_reference_image",
                                {"input_filename": name, "target_size": size, "resize_mode": mode})

    def growth_kib(self):
        return self.server.status("VmHWM") - self.base

    def refuse(self, name, data, **more):
        self.place.picture(name, data=data)
        result = self.prepare(name, **more)
        self.assertTrue(result.get("isError"), text_of(result))
        self.assertIn(name, text_of(result))
        return text_of(result)

    def test_truncated_jpeg(self):
        whole = self.place.jpeg("whole.jpg", 1600, 1200).read_bytes()
        for keep in (0, 1, 2, 3, 20, 300, len(whole) // 2, len(whole) - 1000):
            self.refuse("cut.jpg", whole[:keep])
        self.assertEqual([n for n in os.listdir(self.place.images) if n.startswith("cut_")], [])

    def test_truncated_png(self):
        whole = png(300, 200)
        for keep in (8, 20, 33, 40, len(whole) // 2, len(whole) - 20):
            self.refuse("cut.png", whole[:keep])

    def test_broken_middle(self):
        whole = bytearray(png(300, 200))
        whole[60] ^= 0xFF
        self.refuse("flipped.png", bytes(whole))

    def test_bomb_by_its_header(self):
        for width, height in ((50_000, 50_000), (2**31 - 1, 2**31 - 1), (0, 5), (60_000, 2_000)):
            begin = time.monotonic()
            self.refuse("bomb.png", header(width, height) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))
            self.assertLess(time.monotonic() - begin, 20)
        self.assertLess(self.growth_kib(), 64 << 10)

    def test_bomb_profiles_and_texts(self):
        """A colour profile or a text of a few kilobytes that unpacks to 300 MB: skipped or refused, never unpacked."""
        bomb = zeros(300)
        for name, extra in (("iccp.png", chunk(b"iCCP", b"sRGB\0\0" + bomb)), ("ztxt.png", chunk(b"zTXt", b"Comment\0\0" + bomb)),
                            ("itxt.png", chunk(b"iTXt", b"Comment\0\1\0\0\0" + bomb))):
            self.place.picture(name, data=small_image(extra))
            begin = time.monotonic()
            self.prepare(name, "32x32")
            self.assertLess(time.monotonic() - begin, 20)
        self.assertLess(self.growth_kib(), 64 << 10)

    def test_bomb_of_pixels(self):
        """8x8 by its header, 300 MB by its data."""
        self.place.picture("more.png", data=header(8, 8) + chunk(b"IDAT", zeros(300)) + chunk(b"IEND", b""))
        self.prepare("more.png", "32x32")
        self.assertLess(self.growth_kib(), 64 << 10)

    def test_one_line_to_a_film(self):
        """2000x1 to 1280x720 needs a window of the source, not the source enlarged to 1,440,000x720."""
        for mode in ("crop", "pad", "rescale"):
            self.place.picture("line.png", 2000, 1)
            begin = time.monotonic()
            made = self.prepare("line.png", mode=mode)
            self.assertFalse(made.get("isError"), text_of(made))
            self.assertLess(time.monotonic() - begin, 20)
        self.place.picture("post.png", 1, 3000)
        self.assertFalse(self.prepare("post.png").get("isError"))
        self.assertLess(self.growth_kib(), 64 << 10)

    def test_large_photographs_at_once(self):
        self.place.jpeg("photo.jpg", 4000, 3000)
        numbers = [self.server.request("tools/call", {"name": "prepare_reference_image", "arguments": {
            "input_filename": "photo.jpg", "target_size": "1280x720"}}) for _ in range(20)]
        for number in numbers:
            self.assertFalse(self.server.wait(number)["result"].get("isError"))
        self.assertLess(self.growth_kib(), 300 << 10)  # 20 decoded ones would be 700 MB

    def test_other_things_called_png(self):
        for name, data in (("gif.png", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"),
                           ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
                           ("text.png", b"root:x:0:0\n" * 100), ("empty.png", b""), ("zip.png", b"PK\x03\x04" + b"\0" * 100),
                           ("eps.png", b"%!PS-Adobe-3.0 EPSF-3.0\n"), ("tiff.png", b"II*\0" + b"\0" * 100),
                           ("psd.png", b"8BPS\0\1" + b"\0" * 100)):
            text = self.refuse(name, data)
            self.assertNotIn("root:x", text)
            for tool, arguments in (("edit_image", {"prompt": "x", "input_images": [name]}),
                                    ("create_video", {"prompt": "x", "input_reference_filename": name}),
                                    ("create_image", {"prompt": "x", "input_images": [name]})):
                self.assertIn(name, self.server.bad(tool, arguments))
        self.assertEqual(self.server.good("list_videos")["data"], [])

    def test_right_bytes_under_a_wrong_name(self):
        self.place.picture("really-a-png.jpg")
        made = self.prepare("really-a-png.jpg", "32x32")["structuredContent"]
        self.assertEqual(made["output_filename"], "really-a-png_32x32.png")
        self.place.picture("no-extension")
        self.assertFalse(self.prepare("no-extension", "32x32").get("isError"))

    def test_an_output_that_asks_for_another_format(self):
        made = self.server.good("prepare_reference_image", {
            "input_filename": "good.png", "target_size": "32x32", "output_filename": "x.jpg"})
        self.assertEqual(made["output_filename"], "x.png")
        self.assertEqual(png_size((self.place.images / "x.png").read_bytes())[:2], (32, 32))


class FullDisk(WithPlace):
    """The media folder's disk holds 2 MB; as root a disk of its own, else a limit on the size of files."""

    def setUp(self):
        super().setUp()
        self.limit = None
        if os.geteuid() == 0:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "weir-e2e", str(self.place.media)], capture_output=True)
            if done.returncode == 0:
                self.addCleanup(lambda: subprocess.run(["umount", "-l", str(self.place.media)], check=True))
                self.place.images.mkdir()
                self.place.videos.mkdir()
                self.fill()
                return
        self.limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    def fill(self, left=400_000):
        room = os.statvfs(self.place.media)
        with open(self.place.media / "ballast", "wb") as ballast:
            ballast.write(b"x" * (room.f_bavail * room.f_frsize - left))

    def noise(self, name, width, height):
        rows = b"".join(b"\0" + os.urandom(width * 3) for _ in range(height))
        self.place.picture(name, data=header(width, height) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))

    def test_full_disk_leaves_nothing_and_says_so(self):
        self.noise("noise.png", 160, 120)
        with Stdio(self.place, preexec=self.limit) as server:
            text = server.bad("prepare_reference_image", {"input_filename": "noise.png", "target_size": "2000x2000",
                                                          "resize_mode": "rescale"})
            self.assertTrue("No room for" in text or "large" in text, text)
            self.assertEqual(os.listdir(self.place.images), ["noise.png"])
            server.good("prepare_reference_image", {"input_filename": "noise.png", "target_size": "16x16"})
        self.assertEqual(sorted(os.listdir(self.place.images)), ["noise.png", "noise_16x16.png"])

    def test_full_disk_on_http(self):
        self.noise("noise.png", 160, 120)
        with Http(self.place, preexec=self.limit) as server:
            server.bad("prepare_reference_image", {"input_filename": "noise.png", "target_size": "2000x2000",
                                                   "resize_mode": "rescale"})
            self.assertEqual(len(server.good("list_reference_images")["data"]), 1)


if __name__ == "__main__":
    unittest.main()
