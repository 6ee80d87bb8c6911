"""Pictures and videos of the embedded provider, from the order to the file."""

import hashlib
import json
import os
import subprocess
import threading
import time
import unittest

from schema_check import problems
from weir_client import Http, PATIENCE, Stdio, WithPlace, png_size, text_of, until


def probe(path):
    """What ffprobe says of a film: (codec, width, height, seconds)."""
    out = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)],
                         check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
    found = json.loads(out)
    stream = next(s for s in found["streams"] if s["codec_type"] == "video")
    return stream["codec_name"], stream["width"], stream["height"], float(found["format"]["duration"])


class Slate(WithPlace):
    def setUp(self):
        super().setUp()
        self.server = Stdio(self.place)
        self.addCleanup(lambda: self.server.__exit__(None))
        self.schemas = {t["name"]: t["outputSchema"] for t in self.server.ask("tools/list")["result"]["tools"]}

    def checked(self, tool, arguments, **more):
        """Calls, and holds the answer against its own promises."""
        result = self.server.call(tool, arguments, **more)
        self.assertFalse(result.get("isError"), text_of(result))
        value = result["structuredContent"]
        self.assertEqual(problems(self.schemas[tool], value), [])
        self.assertEqual(result["content"][0]["type"], "text")
        text = result["content"][0]["text"]
        self.assertEqual(json.loads(text if text.startswith("{") else text[text.index("\n{"):]), value)
        return value, [block for block in result["content"] if block["type"] == "resource_link"]

    def check_file(self, folder, value, name, links):
        """The digest, the length and the link of a file that a tool has made. Returns its bytes."""
        data = (folder / value[name]).read_bytes()
        self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (value["bytes"], value["sha256"]))
        self.assertEqual(len(links), 1)
        self.assertEqual((links[0]["name"], links[0]["size"]), (value[name], len(data)))
        self.assertEqual((folder / value[name]).stat().st_mode & 0o777, 0o600)
        return data

    def create(self, prompt="a boat", **more):
        return self.checked("create_video", {"prompt": prompt, "seconds": "1", "size": "320x180", **more})[0]

    def completed(self, **more):
        made = self.create(**more)
        waited, _ = self.checked("wait_for", {"ids": [made["id"]]})
        self.assertTrue(waited["all_done"], waited)
        self.assertEqual(waited["jobs"][0]["status"], "completed")
        return made["id"]

    def test_video_from_order_to_film(self):
        made = self.create(prompt="A paper boat\non a quiet river", seconds="2", size="1280x720")
        self.assertIn(made["status"], ("queued", "in_progress"))
        self.assertEqual((made["object"], made["size"], made["seconds"], made["model"]),
                         ("video", "1280x720", "2", "sora-2"))
        waited, links = self.checked("wait_for", {"ids": [made["id"]], "download": True})
        entry = waited["jobs"][0]
        self.assertEqual((entry["status"], entry["done"], entry["timed_out"]), ("completed", True, False))
        self.check_file(self.place.videos, entry["download"], "filename", links)
        self.assertEqual(entry["download"]["filename"], made["id"] + ".mp4")
        codec, width, height, seconds = probe(self.place.videos / entry["download"]["filename"])
        self.assertEqual((codec, width, height), ("h264", 1280, 720))
        self.assertAlmostEqual(seconds, 2, delta=0.1)
        self.assertEqual(links[0]["mimeType"], "video/mp4")
        status, _ = self.checked("get_video_status", {"video_id": made["id"]})
        self.assertEqual((status["status"], status["progress"]), ("completed", 100))
        self.assertGreaterEqual(status["completed_at"], status["created_at"])

    def test_thumbnail_and_spritesheet(self):
        handle = self.completed()
        thumb, links = self.checked("download_video", {"video_id": handle, "variant": "thumbnail"})
        data = self.check_file(self.place.videos, thumb, "filename", links)
        self.assertEqual((thumb["filename"], data[:4], data[8:12]), (handle + ".webp", b"RIFF", b"WEBP"))
        sheet, links = self.checked("download_video", {"video_id": handle, "variant": "spritesheet"})
        data = self.check_file(self.place.videos, sheet, "filename", links)
        self.assertEqual((sheet["filename"], data[:3]), (handle + ".jpg", b"\xff\xd8\xff"))
        for name in (thumb["filename"], sheet["filename"]):
            self.assertIn(probe(self.place.videos / name)[0] if name.endswith("jpg") else "webp", ("mjpeg", "webp"))

    def test_the_extension_says_what_the_bytes_are(self):
        handle = self.completed()
        saved, _ = self.checked("download_video", {"video_id": handle, "filename": "clip.webm"})
        self.assertEqual(saved["filename"], "clip.mp4")
        saved, _ = self.checked("download_video", {"video_id": handle, "filename": "bare"})
        self.assertEqual(saved["filename"], "bare.mp4")

    def test_remix(self):
        first = self.completed(seconds="1.5")
        remix, _ = self.checked("remix_video", {"previous_video_id": first, "prompt": "at night"})
        self.assertEqual((remix["remixed_from_video_id"], remix["size"], remix["seconds"]), (first, "320x180", "1.5"))
        waited, _ = self.checked("wait_for", {"ids": [remix["id"]]})
        self.assertEqual(waited["jobs"][0]["status"], "completed")
        self.assertIn("completed", self.server.bad("remix_video", {"previous_video_id": self.create(seconds="60")["id"],
                                                                   "prompt": "x"}))

    def test_reference_image(self):
        self.place.picture("start.png", 320, 180)
        handle = self.completed(input_reference_filename="start.png")
        saved, _ = self.checked("download_video", {"video_id": handle})
        self.assertEqual(probe(self.place.videos / saved["filename"])[1:3], (320, 180))
        self.assertIn("missing.png", self.server.bad("create_video", {"prompt": "x", "input_reference_filename": "missing.png"}))

    def test_cancel_in_the_middle_leaves_no_ffmpeg(self):
        made = self.create(seconds="120", size="1920x1080")
        until(self.server.children, "the encoder runs")
        cancelled, _ = self.checked("cancel_video", {"video_id": made["id"]})
        self.assertEqual((cancelled["canceled"], cancelled["status"]), (True, "cancelled"))
        until(lambda: not self.server.children(), "the encoder is gone", 20)
        waited, _ = self.checked("wait_for", {"ids": [made["id"]], "download": True})
        self.assertEqual((waited["jobs"][0]["status"], waited["all_done"]), ("cancelled", True))
        self.assertNotIn("download", {k for k, v in waited["jobs"][0].items() if v})
        self.assertIn("cancelled", self.server.bad("cancel_video", {"video_id": made["id"]}))
        self.assertEqual(os.listdir(self.place.videos), [])

    def test_list_and_delete(self):
        handles = [self.create(prompt=f"number {i}")["id"] for i in range(3)]
        page, _ = self.checked("list_videos", {"limit": 2})
        self.assertEqual([v["id"] for v in page["data"]], handles[:0:-1])
        self.assertEqual((page["has_more"], page["last"]), (True, handles[1]))
        rest, _ = self.checked("list_videos", {"limit": 2, "after": page["last"]})
        self.assertEqual(([v["id"] for v in rest["data"]], rest["has_more"]), ([handles[0]], False))
        up, _ = self.checked("list_videos", {"order": "asc"})
        self.assertEqual([v["id"] for v in up["data"]], handles)
        gone, _ = self.checked("delete_video", {"video_id": handles[1]})
        self.assertEqual(gone, {"id": handles[1], "deleted": True, "object": "video.deleted"})
        self.server.bad("get_video_status", {"video_id": handles[1]})
        left, _ = self.checked("list_videos", {})
        self.assertEqual({v["id"] for v in left["data"]}, {handles[0], handles[2]})

    def test_generate_edit(self):
        made, links = self.checked("generate_image", {"prompt": "a hill", "size": "300x200", "filename": "hill.png"})
        self.assertEqual((made["filename"], made["size"], made["format"]), ("hill.png", [300, 200], "png"))
        data = self.check_file(self.place.images, made, "filename", links)
        self.assertEqual(png_size(data)[:2], (300, 200))
        for format, name in (("jpeg", "jpg"), ("webp", "webp")):
            other, _ = self.checked("generate_image", {"prompt": "a hill", "size": "64x64", "output_format": format})
            self.assertEqual((other["format"], other["filename"].rpartition(".")[2]), (format, name))
        edited, _ = self.checked("edit_image", {"prompt": "at night", "input_images": ["hill.png"], "size": "128x128"})
        self.assertTrue(edited["filename"].startswith("edit_"))
        self.assertEqual((self.place.images / "hill.png").read_bytes(), data)

    def test_image_in_the_background(self):
        made, _ = self.checked("create_image", {"prompt": "a tree", "tool_config": {"size": "96x64"}})
        status, _ = self.checked("get_image_status", {"response_id": made["id"]})
        self.assertEqual((status["status"], status["id"]), ("completed", made["id"]))
        saved, links = self.checked("download_image", {"response_id": made["id"], "filename": "tree.png"})
        self.assertEqual((saved["size"], saved["format"]), ([96, 64], "png"))
        self.check_file(self.place.images, saved, "filename", links)
        waited, links = self.checked("wait_for", {"ids": [made["id"]], "download": True})
        self.assertEqual(len(links), 1)
        self.assertIn("image", self.server.bad("download_video", {"video_id": made["id"]}))

    def test_prepare_in_three_modes(self):
        self.place.picture("photo.png", 640, 360)
        for mode in ("crop", "pad", "rescale"):
            made, links = self.checked("prepare_reference_image", {
                "input_filename": "photo.png", "target_size": "720x1280", "resize_mode": mode,
                "output_filename": mode + ".png"})
            self.assertEqual((made["original_size"], made["target_size"], made["resize_mode"]),
                             ([640, 360], [720, 1280], mode))
            self.assertEqual(png_size(self.check_file(self.place.images, made, "output_filename", links))[:2], (720, 1280))
        made, _ = self.checked("prepare_reference_image", {"input_filename": "photo.png", "target_size": "40x40"})
        self.assertEqual(made["output_filename"], "photo_40x40.png")
        listed, _ = self.checked("list_reference_images", {"sort_by": "name", "order": "asc"})
        self.assertEqual([f["filename"] for f in listed["data"]],
                         ["crop.png", "pad.png", "photo.png", "photo_40x40.png", "rescale.png"])

    def test_local_lists(self):
        for name, size in (("b.mp4", 5), ("a.MOV", 9), ("c.webm", 1), ("d.txt", 3)):
            (self.place.videos / name).write_bytes(b"x" * size)
        names = lambda **more: [f["filename"] for f in self.checked("list_local_videos", more)[0]["data"]]
        self.assertEqual(names(sort_by="name", order="asc"), ["a.MOV", "b.mp4", "c.webm"])
        self.assertEqual(names(sort_by="size"), ["a.MOV", "b.mp4", "c.webm"])
        self.assertEqual(names(file_type="mov"), ["a.MOV"])
        self.assertEqual(names(pattern="[ab].*", sort_by="name", limit=1, order="desc"), ["b.mp4"])
        for pattern in ("../*", "/etc/*", "**/*", "*" * 200 + "x"):
            result = self.server.call("list_local_videos", {"pattern": pattern})
            if not result.get("isError"):
                self.assertEqual(result["structuredContent"]["data"], [])

    def test_progress_rises(self):
        made = self.create(seconds="20", size="1280x720")
        saved = self.create()
        number = self.server.request("tools/call", {"name": "wait_for", "arguments": {
            "ids": [saved["id"], made["id"]], "download": True}}, token="mine")
        self.server.wait(number)
        notes = [n["params"] for n in self.server.notifications if n["method"] == "notifications/progress"]
        self.assertTrue(notes)
        self.assertEqual({n["progressToken"] for n in notes}, {"mine"})
        values = [n["progress"] for n in notes]
        self.assertEqual(values, sorted(set(values)), notes)
        count = len(self.server.notifications)
        self.checked("wait_for", {"ids": [made["id"]]})
        self.assertEqual(len(self.server.notifications), count)  # nobody asked for any

    def test_wait_for_each_stands_alone(self):
        done = self.completed()
        slow = self.create(seconds="120", size="1920x1080")["id"]
        cancelled = self.create(seconds="120", size="1920x1080")["id"]
        picture = self.checked("create_image", {"prompt": "p", "tool_config": {"size": "32x32"}})[0]["id"]
        self.checked("cancel_video", {"video_id": cancelled})
        begin = time.monotonic()
        waited, links = self.checked("wait_for", {
            "ids": [done, "video_unknown", slow, cancelled, picture, done], "timeout": 1, "download": True})
        self.assertLess(time.monotonic() - begin, 30)
        jobs = {j["id"]: j for j in waited["jobs"]}
        self.assertEqual([j["id"] for j in waited["jobs"]], [done, "video_unknown", slow, cancelled, picture])
        self.assertTrue(jobs[done]["download"]["filename"] and jobs[picture]["download"]["filename"])
        self.assertEqual((jobs["video_unknown"]["done"], jobs["video_unknown"]["status"]), (True, "error"))
        self.assertIn("video_unknown", jobs["video_unknown"]["error"])
        self.assertEqual((jobs[slow]["done"], jobs[slow]["timed_out"]), (False, True))
        self.assertEqual((jobs[cancelled]["status"], jobs[cancelled]["done"]), ("cancelled", True))
        self.assertEqual((waited["pending"], waited["all_done"], waited["timed_out"]), ([slow], False, True))
        self.assertEqual(len(links), 2)
        self.checked("cancel_video", {"video_id": slow})

    def test_wait_for_is_capped_below_a_minute(self):
        done = self.completed()
        self.assertLess(self.checked("wait_for", {"ids": [done], "timeout": 10**9})[0]["timeout_s"], 60)
        self.assertIn("no_such", self.checked("wait_for", {"ids": ["no_such"], "timeout": 0})[0]["jobs"][0]["error"])

    def test_slate_refuses_what_it_cannot(self):
        self.place.picture("m.png", 8, 8)
        for tool, arguments in (("generate_image", {"prompt": "x", "background": "transparent", "model": "m"}),
                                ("edit_image", {"prompt": "x", "input_images": ["m.png"], "mask_filename": "m.png"}),
                                ("create_video", {"prompt": "x", "size": "9000x9000"}),
                                ("create_video", {"prompt": "x", "seconds": "1e9"}),
                                ("create_video", {"prompt": "x", "seconds": "nan"})):
            self.assertTrue(self.server.bad(tool, arguments))
        self.assertEqual(self.server.good("list_videos")["data"], [])

    def test_hostile_prompts_are_drawn(self):
        for prompt in ("\0\1\x1b", "\u202e" * 20_000, "\u0301" * 20_000, "\U0001f468\u200d" * 15_000, "\n" * 32_000, "W" * 32_000,
                       " " * 32_000, "\ufdfa" * 32_000, "a\tb\r\nc"):
            self.checked("generate_image", {"prompt": prompt, "size": "320x180"}, timeout=30)

    def test_many_large_pictures_take_turns(self):
        before = self.server.status("VmHWM")
        numbers = [self.server.request("tools/call", {"name": "generate_image", "arguments": {"prompt": f"n {i}", "size": "3000x3000"}})
                   for i in range(16)]
        for number in numbers:
            self.assertFalse(self.server.wait(number)["result"].get("isError"))
        cores = len(os.sched_getaffinity(0))
        self.assertLess(self.server.status("VmHWM") - before, (120 * cores + 60) << 10)  # at once: 1 GB

    def test_media_folder_that_cannot_be_made(self):
        blocked = self.place.base / "file"
        blocked.write_text("no folder")
        for media in (blocked, blocked / "media"):
            with Stdio(self.place, env=self.place.env(WEIR_MEDIA_DIR=str(media))) as other:
                for tool, arguments in (("list_reference_images", {}), ("generate_image", {"prompt": "x"}), ("list_videos", {})):
                    self.assertIn("file", other.bad(tool, arguments))
                self.assertIn("error", other.ask("resources/list"))
        self.assertEqual(blocked.read_text(), "no folder")

    def test_without_ffmpeg(self):
        with Stdio(self.place, env=self.place.env(WEIR_FFMPEG="no-such-ffmpeg")) as other:
            self.assertIn("ffmpeg", other.bad("create_video", {"prompt": "x"}))
            other.good("generate_image", {"prompt": "x", "size": "32x32"})

    def test_twelve_at_once_on_http(self):
        with Http(self.place) as web:
            ids, failures = [], []

            def one(i):
                try:
                    ids.append(web.good("create_video", {"prompt": f"n {i}", "seconds": "1", "size": "160x90"})["id"])
                except AssertionError as wrong:
                    failures.append(wrong)
            threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
            [t.start() for t in threads]
            [t.join(PATIENCE) for t in threads]
            self.assertEqual((failures, len(set(ids))), ([], 12))
            pending = ids
            for _ in range(8):
                waited = web.good("wait_for", {"ids": pending, "download": True})
                pending = waited["pending"]
                if not pending:
                    break
            self.assertEqual(len(list(self.place.videos.glob("*.mp4"))), 12)


if __name__ == "__main__":
    unittest.main()
