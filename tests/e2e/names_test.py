"""Hostile names, files and folders: every call is refused in words, nothing outside is read or written."""

import os
import shutil
import socket
import stat
import threading
import time
import unittest

from weir_client import PATIENCE, Stdio, WEIR, WithPlace, png, run, text_of, until

BAD_NAMES = ["../x.png", "a/../../x.png", "/etc/passwd", "/x.png", "..", ".", "./x.png", "a//b.png", "a\0b.png",
             "x" * 300 + ".png", "a/" * 400 + "x.png", "a\\b.png", "a\nb.png", "\u202egnp.exe", " x.png", ".weir/jobs.sqlite",
             ".weir-1.part", "a/.weir/x.png"]


class Names(WithPlace):
    def setUp(self):
        super().setUp()
        self.canary = self.place.outside / "canary.png"
        self.canary.write_bytes(png(16, 16))
        self.before = self.canary.read_bytes()
        self.place.picture("photo.png")
        self.server = Stdio(self.place)
        self.addCleanup(self.finish)

    def finish(self):
        self.server.__exit__(None)
        self.assertEqual(self.canary.read_bytes(), self.before)
        self.assertEqual(os.listdir(self.place.outside), ["canary.png"])

    def prepare(self, name, **more):
        return self.server.call("prepare_reference_image", {"input_filename": name, "target_size": "32x32", **more})

    def refused(self, name, **more):
        result = self.prepare(name, **more)
        self.assertTrue(result.get("isError"), (name[:80], text_of(result)))
        return text_of(result)

    def files(self):
        return sorted(os.listdir(self.place.images))

    def test_bad_input_names(self):
        for name in [*BAD_NAMES, ""]:
            self.assertLess(len(self.refused(name)), 1000)

    def test_bad_output_names_of_prepare(self):
        for name in [*BAD_NAMES, "missing/x.png"]:
            self.refused("photo.png", output_filename=name)
        self.assertEqual(self.files(), ["photo.png"])

    def test_bad_output_names_of_generate_and_downloads(self):
        video = self.server.good("create_video", {"prompt": "x", "seconds": "1", "size": "64x64"})["id"]
        picture = self.server.good("create_image", {"prompt": "x", "tool_config": {"size": "32x32"}})["id"]
        self.server.good("wait_for", {"ids": [video]})
        for name in [*BAD_NAMES, "missing/x.png", "run.sh", "page.html", "x.png.exe"]:
            self.server.bad("generate_image", {"prompt": "x", "size": "32x32", "filename": name})
            self.server.bad("download_video", {"video_id": video, "filename": name})
            self.server.bad("download_image", {"response_id": picture, "filename": name})
            self.server.bad("edit_image", {"prompt": "x", "size": "32x32", "input_images": ["photo.png"], "filename": name})
        self.assertEqual((self.files(), os.listdir(self.place.videos)), (["photo.png"], []))

    def test_lone_surrogate(self):
        for field in ("input_filename", "output_filename"):
            arguments = {"input_filename": "photo.png", "target_size": "32x32", field: "SURROGATE"}
            number = 7000 + len(field)
            message = ('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"prepare_reference_image",'
                       '"arguments":%s}}\n' % (number, str(arguments).replace("'", '"').replace("SURROGATE", "\\ud800.png")))
            # Refused as a message or as a name, under its id or, where it cannot be known, under none.
            self.server.send_bytes(message.encode())
        self.assertEqual(self.server.good("list_videos")["data"], [])
        self.assertEqual(self.files(), ["photo.png"])
        refusals = [a for key, a in self.server.answers.items() if key is None or key >= 7000]
        self.assertTrue(refusals)
        for answer in refusals:
            self.assertTrue("error" in answer or answer["result"]["isError"], answer)

    def test_invalid_utf8(self):
        self.server.send_bytes(b'{"jsonrpc":"2.0","id":8000,"method":"tools/call","params":{"name":"prepare_reference_image",'
                               b'"arguments":{"input_filename":"\xff\xc0\x80.png","target_size":"32x32"}}}\n')
        self.assertEqual(self.server.good("list_videos")["data"], [])

    def test_links_in_and_out(self):
        images = self.place.images
        os.symlink("photo.png", images / "inside.png")
        os.symlink(self.canary, images / "outside.png")
        os.symlink("../../outside/canary.png", images / "relative.png")
        os.symlink(images / "nothing.png", images / "dangling.png")
        os.symlink(self.place.outside, images / "folder")
        os.symlink("loop.png", images / "loop.png")
        for name in ("inside.png", "outside.png", "relative.png", "dangling.png", "folder/canary.png", "loop.png"):
            self.assertIn(name.split("/")[0], self.refused(name))
        self.refused("photo.png", output_filename="folder/new.png")

    def test_output_name_that_is_a_link(self):
        images = self.place.images
        os.symlink(self.canary, images / "out.png")
        os.symlink("photo.png", images / "in.png")
        os.symlink("nowhere.png", images / "dangling.png")
        source = (images / "photo.png").read_bytes()
        for name in ("out.png", "in.png", "dangling.png"):
            made = self.prepare("photo.png", output_filename=name)["structuredContent"]["output_filename"]
            self.assertEqual(made, name.replace(".png", "_2.png"))
            self.assertTrue(stat.S_ISLNK(os.lstat(images / name).st_mode))
        self.assertEqual((images / "photo.png").read_bytes(), source)
        self.assertFalse((images / "nowhere.png").exists())

    def test_folder_swapped_for_a_link(self):
        """A folder turns into a link to a folder outside and back, thousands of times, while calls go through it."""
        images = self.place.images
        (images / "sub").mkdir()
        (images / "sub" / "canary.png").write_bytes(png(8, 8))
        os.symlink(self.place.outside, images / "link")
        ends, swaps = time.monotonic() + 5, [0]

        def swap():
            while time.monotonic() < ends:
                os.rename(images / "sub", images / "kept")
                os.rename(images / "link", images / "sub")
                os.rename(images / "sub", images / "link")
                os.rename(images / "kept", images / "sub")
                swaps[0] += 1
        thread = threading.Thread(target=swap)
        thread.start()
        reads = writes = calls = 0
        while time.monotonic() < ends:
            numbers = [self.server.request("tools/call", {"name": "prepare_reference_image", "arguments": arguments})
                       for arguments in ({"input_filename": "sub/canary.png", "target_size": "8x8"},
                                         {"input_filename": "photo.png", "target_size": "8x8", "output_filename": "sub/new.png"})]
            read, write = (self.server.wait(number)["result"] for number in numbers)
            calls += 2
            if not read.get("isError"):
                reads += 1
                self.assertEqual(read["structuredContent"]["original_size"], [8, 8])  # outside it is 16 wide
            writes += not write.get("isError")
        thread.join(PATIENCE)
        self.assertGreater(swaps[0], 100)
        self.assertGreater(reads + writes, 0)
        self.assertEqual(os.listdir(self.place.outside), ["canary.png"])

    def test_45_pipes_at_once(self):
        """A pipe that nobody writes to blocks whoever opens it."""
        for i in range(45):
            os.mkfifo(self.place.images / f"pipe{i}.png")
        begin = time.monotonic()
        numbers = [self.server.request("tools/call", {"name": "prepare_reference_image", "arguments": {
            "input_filename": f"pipe{i}.png", "target_size": "32x32"}}) for i in range(45)]
        self.server.ask("tools/list", timeout=10)
        for i, number in enumerate(numbers):
            result = self.server.wait(number, 20)["result"]
            self.assertTrue(result["isError"])
            self.assertIn(f"pipe{i}.png", text_of(result))
        self.assertLess(time.monotonic() - begin, 20)
        self.server.bad("edit_image", {"prompt": "x", "input_images": ["pipe0.png"]})
        self.server.bad("create_video", {"prompt": "x", "input_reference_filename": "pipe0.png"})
        self.assertEqual(self.server.good("list_reference_images")["data"][0]["filename"], "photo.png")

    def test_socket_and_folder_and_device(self):
        images = self.place.images
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(str(images / "socket.png"))
        (images / "folder.png").mkdir()
        names = ["socket.png", "folder.png"]
        try:
            os.mknod(images / "device.png", 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero has no end
            names.append("device.png")
        except OSError:
            pass
        for name in names:
            self.assertIn(name, self.refused(name))
            made = self.prepare("photo.png", output_filename=name)["structuredContent"]["output_filename"]
            self.assertEqual(made, name.replace(".png", "_2.png"))

    def test_unreadable_file_and_folder(self):
        (self.place.images / "locked.png").write_bytes(png(8, 8))
        (self.place.images / "locked.png").chmod(0)
        command = ()
        if os.geteuid() == 0:
            if not shutil.which("setpriv"):
                self.skipTest("root may read everything, and setpriv is missing")
            # Root may read everything; the server runs as nobody.
            until((self.place.media / ".weir" / "jobs.sqlite").exists, "the job table is there")
            command = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            for folder in (self.place.home, self.place.recovery, self.place.media, *self.place.media.rglob("*")):
                if folder.name != "locked.png":
                    os.chown(folder, 65534, 65534)
        with Stdio(self.place, command=command, program=readable_program(self.place)) as other:
            text = other.bad("prepare_reference_image", {"input_filename": "locked.png", "target_size": "8x8"})
            self.assertIn("locked.png", text)
            self.assertIn("may not be opened", text)
            self.place.images.chmod(0o500)
            text = other.bad("generate_image", {"prompt": "x", "size": "32x32"})
            self.assertIn("may not be written", text)
            self.place.images.chmod(0o700)
            other.good("generate_image", {"prompt": "x", "size": "32x32"})

    def test_output_is_the_input(self):
        source = (self.place.images / "photo.png").read_bytes()
        made = self.prepare("photo.png", output_filename="photo.png")["structuredContent"]["output_filename"]
        self.assertEqual(made, "photo_2.png")
        self.assertEqual((self.place.images / "photo.png").read_bytes(), source)

    def test_one_name_many_times_at_once(self):
        video = self.server.good("create_video", {"prompt": "x", "seconds": "1", "size": "64x64"})["id"]
        self.server.good("wait_for", {"ids": [video]})
        numbers = [self.server.request("tools/call", {"name": tool, "arguments": arguments}) for tool, arguments in (
            *[("generate_image", {"prompt": f"n {i}", "size": f"{32 + i}x32", "filename": "same.png"}) for i in range(8)],
            *[("generate_image", {"prompt": f"n {i}", "size": "32x32"}) for i in range(8)],
            *[("download_video", {"video_id": video}) for i in range(4)])]
        results = [self.server.wait(number)["result"] for number in numbers]
        for result in results:
            self.assertFalse(result.get("isError"), text_of(result))
        names = [result["structuredContent"]["filename"] for result in results]
        self.assertEqual(len(set(names)), 20, names)
        self.assertEqual(set(names[:8]), {"same.png", *(f"same_{i}.png" for i in range(2, 9))})
        self.assertEqual(set(names[16:]), {f"{video}.mp4", *(f"{video}_{i}.mp4" for i in range(2, 5))})
        self.assertEqual(len(self.files()), 17)
        for result in results[:8]:
            made = result["structuredContent"]
            data = (self.place.images / made["filename"]).read_bytes()
            self.assertEqual(len(data), made["bytes"])

    def test_names_that_are_allowed(self):
        (self.place.images / "sub").mkdir()
        for name in ("\u00e4\u6f22\U0001f3a8.png", "a b.png", "-rf.png", "$(x).png", "sub/x.png", "x" * 251 + ".png"):
            made = self.prepare("photo.png", output_filename=name)
            self.assertFalse(made.get("isError"), text_of(made))
            self.assertEqual(made["structuredContent"]["output_filename"], name)
            self.assertTrue((self.place.images / name).exists())

    def test_command_line_names(self):
        for name in ("../outside/x\0y.png", "no/such/folder/x.png", "pipe.png"):
            if "\0" in name:
                continue  # no shell can pass it
            if name == "pipe.png":
                os.mkfifo(self.place.work / name)
            ran = run(self.place, "image", "prepare", name, "--size", "8x8", timeout=30)
            self.assertFalse(ran.envelope()["ok"])
            self.assertIn(ran.code, (1, 2))
        os.symlink(self.canary, self.place.work / "link.png")
        ran = run(self.place, "image", "prepare", "link.png", "--size", "8x8", "-o", "./out.png")
        self.assertFalse(ran.envelope()["ok"])


def readable_program(place):
    """The program where another user may run it: build folders are often closed to others."""
    copy = place.base / "weir"
    shutil.copy(WEIR, copy)
    copy.chmod(0o755)
    return str(copy)


if __name__ == "__main__":
    unittest.main()
