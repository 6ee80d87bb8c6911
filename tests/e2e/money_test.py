"""What is paid for: bought once, never blindly again, never lost. Against a stand-in that counts the purchases."""

import hashlib
import os
import sqlite3
import time
import unittest

from weir_client import Fake, Stdio, WithPlace, png_size, until

BUY = {"create_video": ("POST /v1/videos", {"prompt": "x", "seconds": "4", "size": "1280x720"}),
       "generate_image": ("POST /v1/images/generations", {"prompt": "x"}),
       "create_image": ("POST /v1/responses", {"prompt": "x"})}


class Bought(WithPlace):
    options = ("--video-ms", "300", "--image-ms", "50")

    def setUp(self):
        super().setUp()
        self.fake = Fake(*self.options)
        self.addCleanup(self.fake.close)
        self.servers = []

    def start(self, **more):
        server = Stdio(self.place, env=self.place.openai(self.fake, **more.pop("env", {})), **more)
        self.addCleanup(lambda: server.log.closed or server.__exit__(None))
        return server

    def posts(self, path=None):
        return [r for r in self.fake.journal() if r["method"] == "POST" and (path is None or r["path"] == path)]

    def rows(self):
        """The job table, as it is on the disk."""
        if not (self.place.media / ".weir" / "jobs.sqlite").exists():
            return []
        table = sqlite3.connect(f"file:{self.place.media}/.weir/jobs.sqlite?mode=ro", uri=True, timeout=20)
        table.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in table.execute("select * from jobs")]
        finally:
            table.close()


class Purchases(Bought):
    def test_everything_works_once(self):
        server = self.start()
        self.place.picture("ref.png", 1280, 720)
        video = server.good("create_video", {**BUY["create_video"][1], "input_reference_filename": "ref.png"})["id"]
        image = server.good("generate_image", {"prompt": "x", "filename": "a.png"})
        server.good("edit_image", {"prompt": "x", "input_images": ["ref.png"]})
        job = server.good("create_image", {"prompt": "x", "input_images": ["ref.png"]})["id"]
        waited = server.good("wait_for", {"ids": [video, job], "download": True})
        self.assertTrue(waited["all_done"], waited)
        self.assertEqual([bool(j["download"]) for j in waited["jobs"]], [True, True])
        bought = self.fake.bought()
        self.assertEqual([bought[k] for k in ("video", "image", "image_edit", "response")], [1, 1, 1, 1])
        self.assertEqual(png_size((self.place.images / "a.png").read_bytes())[:2], tuple(image["size"]))
        data = (self.place.videos / waited["jobs"][0]["download"]["filename"]).read_bytes()
        self.assertEqual(hashlib.sha256(data).hexdigest(), self.fake.control("GET", f"/_fake/sha256/{video}")["sha256"])
        keys = [r["headers"]["idempotency-key"] for r in self.posts() if not r["path"].startswith("/v1/files")]
        self.assertEqual(len(set(keys)), 4, keys)
        remix = server.good("remix_video", {"previous_video_id": video, "prompt": "y"})
        self.assertEqual(remix["remixed_from_video_id"], video)
        server.good("delete_video", {"video_id": video})
        self.assertNotIn(video, [v["id"] for v in server.good("list_videos")["data"]])

    def test_429_is_repeated_under_one_key_and_bought_once(self):
        for tool, (route, arguments) in BUY.items():
            self.fake.control("POST", "/_fake/reset")
            self.fake.faults(f"{route},x2,429,retry-after=1")
            server = self.start()
            begin = time.monotonic()
            server.good(tool, arguments)
            self.assertGreater(time.monotonic() - begin, 1.5, "Retry-After was not honoured")
            posts = self.posts()
            self.assertEqual(len(posts), 3, tool)
            self.assertEqual(len({p["headers"]["idempotency-key"] for p in posts}), 1)
            self.assertEqual(self.fake.bought()["total"], 1)
            server.close()

    def test_429_for_ever_ends_in_words(self):
        self.fake.faults("POST /v1/videos,*,429,retry-after=1,code=insufficient_quota")
        text = self.start().bad("create_video", BUY["create_video"][1])
        self.assertIn("quota", text.lower())
        self.assertEqual(self.fake.bought()["total"], 0)

    def test_never_sent_twice_blindly(self):
        """500, 503, lost answer, reset, answer that is no answer: exactly one POST, and the error says how to look."""
        for fault in ("500", "500,carry-out=1", "503,retry-after=1", "lost", "close", "reset,at=-1", "invalid-json", "cut,at=20"):
            for tool, (route, arguments) in BUY.items():
                with self.subTest(fault=fault, tool=tool):
                    self.fake.control("POST", "/_fake/reset")
                    self.fake.faults(f"{route},1,{fault}")
                    server = self.start()
                    text = server.bad(tool, arguments)
                    posts = self.posts()
                    self.assertEqual(len(posts), 1)
                    self.assertIn("may have been bought", text)
                    self.assertIn("list_videos", text)
                    self.assertIn(posts[0]["headers"]["idempotency-key"], text)
                    row = next(r for r in self.rows() if r["idempotency_key"] == posts[0]["headers"]["idempotency-key"])
                    self.assertEqual(row["status"], "unknown_outcome")
                    self.assertIn(row["id"], text)
                    # Its name leads to the same answer, not to another purchase.
                    waited = server.good("wait_for", {"ids": [row["id"]], "timeout": 5})["jobs"][0]
                    self.assertEqual((waited["done"], waited["status"]), (True, "unknown_outcome"))
                    self.assertIn("bought", waited["error"])
                    self.assertEqual(len(self.posts()), 1)
                    server.close()

    def test_refused_is_not_bought(self):
        for status, tool in ((400, "create_video"), (401, "generate_image"), (403, "create_image"), (404, "create_video")):
            self.fake.control("POST", "/_fake/reset")
            self.fake.faults(f"{BUY[tool][0]},*,{status}")
            server = self.start()
            text = server.bad(tool, BUY[tool][1])
            self.assertNotIn("may have been bought", text)
            self.assertEqual((len(self.posts()), [r["status"] for r in self.rows()][-1]), (1, "failed"))
            server.close()

    def test_hung_answer_and_a_caller_who_leaves(self):
        self.fake.faults("POST /v1/videos,1,hang,ms=100000,carry-out=1")
        server = self.start()
        number = server.request("tools/call", {"name": "create_video", "arguments": BUY["create_video"][1]})
        until(self.posts, "the order is sent")
        server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})
        server.ask("tools/list")
        time.sleep(1)
        self.assertNotIn(number, server.answers)
        self.assertEqual(self.rows()[0]["status"], "submitting")  # it goes on in the background
        begin = time.monotonic()
        server.close()
        self.assertLess(time.monotonic() - begin, 12)
        self.assertEqual((self.rows()[0]["status"], len(self.posts())), ("unknown_outcome", 1))

    def test_bad_base64(self):
        for how in ("chars", "padding", "truncated"):
            self.fake.control("POST", "/_fake/reset")
            self.fake.faults(f"POST /v1/images/generations,1,bad-base64,how={how}")
            server = self.start()
            text = server.bad("generate_image", {"prompt": "x", "filename": "spoiled.png"})
            self.assertIn("bought", text)
            self.assertEqual((len(self.posts()), os.listdir(self.place.images)), (1, []))
            server.close()

    def test_bad_name_is_refused_before_anything_is_sent(self):
        server = self.start()
        self.place.picture("r.png")
        for tool, key in (("generate_image", "filename"), ("edit_image", "filename")):
            for name in ("../x.png", "/x.png", "missing/x.png", "x.exe", "x" * 300 + ".png", "a\0.png"):
                extra = {"input_images": ["r.png"]} if tool == "edit_image" else {}
                server.bad(tool, {"prompt": "x", key: name, **extra})
        for tool, extra in (("create_video", {"input_reference_filename": "../r.png"}), ("create_image", {"input_images": ["none.png"]}),
                            ("edit_image", {"input_images": ["r.png", "none.png"]}),
                            ("edit_image", {"input_images": ["r.png"], "mask_filename": "none.png"})):
            server.bad(tool, {"prompt": "x", **extra})
        self.assertEqual(self.fake.journal(), [])

    def test_ids_cannot_lead_to_other_pages(self):
        server = self.start()
        for handle in ("../models", "x/content", "x?y=1#z", "%2e%2e/models", "..", "a b", "\u00e9", "x\r\nX: y", "a\0b"):
            for tool, arguments in (("get_video_status", {"video_id": handle}), ("delete_video", {"video_id": handle}),
                                    ("download_video", {"video_id": handle}), ("get_image_status", {"response_id": handle}),
                                    ("download_image", {"response_id": handle}),
                                    ("remix_video", {"previous_video_id": handle, "prompt": "x"})):
                server.bad(tool, arguments)
        self.assertEqual(self.fake.journal(), [])

    def test_size_of_the_reference_is_refused_by_the_provider_only(self):
        self.place.picture("small.png", 64, 36)
        text = self.start().bad("create_video", {"prompt": "x", "size": "1280x720", "input_reference_filename": "small.png"})
        self.assertEqual(self.fake.bought()["total"], 0)
        self.assertIn("width and height", text)

    def test_failed_jobs_say_why(self):
        server = self.start()
        failed = server.good("create_video", {"prompt": "[fail] x"})["id"]
        refused = server.good("create_image", {"prompt": "[refuse] x"})["id"]
        good = server.good("create_video", {"prompt": "x"})["id"]
        waited = server.good("wait_for", {"ids": [failed, refused, "video_unknown", good], "download": True})
        jobs = {j["id"]: j for j in waited["jobs"]}
        self.assertEqual(jobs[failed]["status"], "failed")
        self.assertTrue(jobs[failed]["error"] and jobs[refused]["error"] and jobs["video_unknown"]["error"])
        self.assertTrue(jobs[good]["download"])
        self.assertTrue(waited["all_done"])
        self.assertIn("safety", server.bad("create_video", {"prompt": "[moderation] x"}))


class Keys(Bought):
    def test_key_missing(self):
        with Stdio(self.place, env=self.place.env(WEIR_PROVIDER="openai")) as server:
            self.assertEqual(len(server.ask("tools/list")["result"]["tools"]), 16)
            for tool, (_, arguments) in BUY.items():
                self.assertIn("OPENAI_API_KEY", server.bad(tool, arguments))
        self.assertEqual(self.rows(), [])  # refused before a purchase is written down, and so before it is sent

    def test_servers_that_need_no_key(self):
        with Stdio(self.place, env=self.place.openai(self.fake, OPENAI_API_KEY="")) as server:
            self.assertIn("401", server.bad("list_videos"))  # this one needs a key, and says so itself

    def test_key_refused(self):
        strict = Fake("--api-key", "right")
        self.addCleanup(strict.close)
        with Stdio(self.place, env=self.place.openai(strict, OPENAI_API_KEY="sk-wrong-secret")) as server:
            for tool, (_, arguments) in BUY.items():
                text = server.bad(tool, arguments)
                self.assertIn("401", text)
                self.assertNotIn("sk-wrong-secret", text)
                self.assertNotIn("may have been bought", text)
            self.assertNotIn("sk-wrong-secret", server.stderr())

    def test_server_down(self):
        down = Fake()
        down.close()
        with Stdio(self.place, env=self.place.openai(down)) as server:
            for tool, (_, arguments) in BUY.items():
                text = server.bad(tool, arguments)
                self.assertNotIn("may have been bought", text)  # nothing was ever sent
            server.bad("list_videos")

    def test_wrong_address(self):
        for address in ("ftp://127.0.0.1/v1", "nonsense", "http://no.such.host.invalid/v1"):
            server = Stdio(self.place, env=self.place.openai(self.fake, OPENAI_BASE_URL=address), handshake=False)
            try:
                server.initialize()
                server.bad("list_videos")
            except (AssertionError, BrokenPipeError):
                self.assertIn("OPENAI_BASE_URL", server.stderr())
            server.kill()
            server.close()


if __name__ == "__main__":
    unittest.main()
