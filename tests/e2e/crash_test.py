"""kill -9 at the worst moment, disks that are full, downloads that break: nothing torn, nothing bought is lost."""

import errno
import hashlib
import os
import random
import shutil
import subprocess
import threading
import time
import unittest

from money_test import BUY, Bought
from weir_client import Fake, PATIENCE, Stdio, WithPlace, png_size, run, until

CONTENT = "GET /v1/videos/*/content"


class Killed(Bought):
    options = ("--video-ms", "2500", "--image-ms", "50")

    def row(self, handle):
        return next((r for r in self.rows() if handle in (r["remote_id"], r["id"])), None)

    def test_a_restarted_server_goes_on_watching(self):
        server = self.start()
        handle = server.good("create_video", {"prompt": "x"})["id"]
        server.kill()
        self.assertIn(self.row(handle)["status"], ("queued", "in_progress"))
        server = self.start()
        # Nobody asks: it watches by itself.
        until(lambda: self.row(handle)["status"] == "completed", "the job is completed", 60, 0.2)
        waited = server.good("wait_for", {"ids": [handle], "download": True})["jobs"][0]
        data = (self.place.videos / waited["download"]["filename"]).read_bytes()
        self.assertEqual(hashlib.sha256(data).hexdigest(), self.fake.control("GET", f"/_fake/sha256/{handle}")["sha256"])
        self.assertEqual(self.fake.bought()["total"], 1)

    def test_a_restarted_server_can_be_asked_at_once(self):
        server = self.start()
        handles = [server.good("create_video", {"prompt": f"n {i}"})["id"] for i in range(3)]
        handles.append(server.good("create_image", {"prompt": "x"})["id"])
        server.kill()
        waited = self.start().good("wait_for", {"ids": handles, "download": True})
        self.assertTrue(all(j["download"] for j in waited["jobs"]), waited)

    def test_killed_between_the_row_and_the_answer(self):
        for tool, (route, arguments) in BUY.items():
            self.fake.control("POST", "/_fake/reset")
            self.fake.faults(f"{route},*,hang,ms=60000,carry-out=1")
            server = self.start()
            server.request("tools/call", {"name": tool, "arguments": arguments})
            sent = until(self.posts, "the order is sent")[0]
            server.kill()
            row = next(r for r in self.rows() if r["idempotency_key"] == sent["headers"]["idempotency-key"])
            self.assertEqual(row["status"], "submitting")
            server = self.start()
            until(lambda: self.row(row["id"])["status"] == "unknown_outcome", "the restarted server has noticed", 30)
            waited = server.good("wait_for", {"ids": [row["id"]], "timeout": 5})["jobs"][0]
            self.assertEqual((waited["done"], waited["status"]), (True, "unknown_outcome"))
            self.assertIn("bought", waited["error"])
            time.sleep(0.5)
            self.assertEqual(len(self.posts()), 1)
            server.close()
        self.assertEqual(os.listdir(self.place.images), [])

    def test_another_process_does_not_give_up_a_purchase_that_runs(self):
        self.fake.faults("POST /v1/videos,1,hang,ms=3000,carry-out=1")
        server = self.start()
        number = server.request("tools/call", {"name": "create_video", "arguments": {"prompt": "x"}})
        until(self.posts, "the order is sent")
        other = self.start()
        row = self.rows()[0]
        self.assertFalse(other.good("wait_for", {"ids": [row["id"]], "timeout": 1})["jobs"][0]["done"])
        self.assertEqual(self.row(row["id"])["status"], "submitting")
        server.wait(number)

    def test_the_command_line_finds_the_jobs_of_a_killed_server(self):
        server = self.start()
        handle = server.good("create_video", {"prompt": "x"})["id"]
        server.kill()
        ran = run(self.place, "wait", handle, "-o", "./", env=self.place.openai(self.fake))
        self.assertEqual(ran.code, 0, ran.out)
        self.assertTrue((self.place.work / f"{handle}.mp4").exists())

    def test_two_servers_share_the_table(self):
        one, two = self.start(), self.start()
        handle = one.good("create_video", {"prompt": "x"})["id"]
        self.assertTrue(two.good("wait_for", {"ids": [handle]})["all_done"])
        self.assertEqual(len([r for r in self.rows() if r["remote_id"] == handle]), 1)


class KilledWhilePublishing(Bought):
    options = ("--video-ms", "0", "--image-ms", "0", "--video-bytes", "700KB", "--image-bytes", "300KB")

    def visible(self):
        return sum(not path.name.startswith(".") for folder in (self.place.images, self.place.videos) for path in folder.iterdir())

    def check_all(self, digests):
        """Every file that can be seen is whole."""
        seen = 0
        for path in self.place.images.iterdir():
            if not path.name.startswith("."):
                png_size(path.read_bytes())
                seen += 1
        for path in self.place.videos.iterdir():
            if not path.name.startswith("."):
                self.assertIn(hashlib.sha256(path.read_bytes()).hexdigest(), digests, path.name)
                seen += 1
        return seen

    def test_never_a_torn_file(self):
        self.place.picture("photo.png", 1200, 900)
        server = self.start()
        handles = [server.good("create_video", {"prompt": f"n {i}"})["id"] for i in range(4)]
        server.good("wait_for", {"ids": handles})
        server.kill()
        digests = {self.fake.control("GET", f"/_fake/sha256/{h}")["sha256"] for h in handles}
        seen, chance = [], random.Random(1)
        for round in range(24):
            server = self.start()
            for i in range(6):
                server.request("tools/call", {"name": "download_video", "arguments": {"video_id": handles[i % 4]}})
                server.request("tools/call", {"name": "prepare_reference_image", "arguments": {
                    "input_filename": "photo.png", "target_size": "640x360"}})
                server.request("tools/call", {"name": "generate_image", "arguments": {"prompt": "x"}})
            enough = self.visible() + chance.randrange(11)  # of 18; on a slow machine as on a fast one
            until(lambda: self.visible() >= enough, "some files of this round", pause=0.001)
            time.sleep(chance.uniform(0, 0.03))
            server.kill()
            seen.append(self.check_all(digests))
        print("files after each round:", seen)
        self.assertGreater(seen[-1], 24)
        self.start().good("list_reference_images")
        left = [str(p) for p in self.place.media.rglob(".weir-*")]
        self.assertEqual(left, [])  # what the dead left was swept away

    def test_replaced_by_the_command_line(self):
        """--overwrite: at any instant the old film or the new one."""
        old = hashlib.sha256(b"old" * 100_000).hexdigest()
        film = self.place.work / "film.mp4"
        server = self.start()
        handle = server.good("create_video", {"prompt": "x"})["id"]
        server.good("wait_for", {"ids": [handle]})
        new = self.fake.control("GET", f"/_fake/sha256/{handle}")["sha256"]
        chance, found = random.Random(2), set()
        for round in range(20):
            film.write_bytes(b"old" * 100_000)
            command = subprocess.Popen([os.environ.get("WEIR", "weir"), "video", "download", handle, "-o", "film.mp4", "--overwrite"],
                                       cwd=self.place.work, env=self.place.openai(self.fake), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if round < 18:
                time.sleep(chance.uniform(0, 0.15))
                command.kill()
            command.wait(PATIENCE)
            digest = hashlib.sha256(film.read_bytes()).hexdigest()
            self.assertIn(digest, (old, new))
            found.add(digest)
        self.assertEqual(found, {old, new})

    def test_32_downloads_and_a_watcher(self):
        size = 400_000
        server = self.start()
        handles = [server.good("create_video", {"prompt": f"[bytes={size}] n {i}"})["id"] for i in range(32)]
        server.good("wait_for", {"ids": handles})
        partial, looks, stop = [], [0], threading.Event()

        def watch():
            while not stop.is_set():
                for entry in os.scandir(self.place.videos):
                    try:
                        if entry.stat().st_size != size:
                            partial.append(entry.name)
                    except FileNotFoundError:
                        partial.append(entry.name)
                looks[0] += 1
        watcher = threading.Thread(target=watch)
        watcher.start()
        numbers = [server.request("tools/call", {"name": "download_video", "arguments": {"video_id": h}}) for h in handles]
        results = [server.wait(number)["result"] for number in numbers]
        stop.set()
        watcher.join(PATIENCE)
        self.assertFalse(any(r.get("isError") for r in results))
        self.assertEqual(partial, [])
        self.assertGreater(looks[0], 20)
        for handle, result in zip(handles, results):
            expected = self.fake.control("GET", f"/_fake/sha256/{handle}")["sha256"]
            data = (self.place.videos / result["structuredContent"]["filename"]).read_bytes()
            self.assertEqual((result["structuredContent"]["sha256"], hashlib.sha256(data).hexdigest()), (expected, expected))


class Broken(Bought):
    options = ("--video-ms", "0", "--video-bytes", "500KB")

    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.handle = self.server.good("create_video", {"prompt": "x"})["id"]
        self.server.good("wait_for", {"ids": [self.handle]})
        self.sum = self.fake.control("GET", f"/_fake/sha256/{self.handle}")["sha256"]
        self.old = self.place.videos / "good.mp4"
        self.old.write_bytes(b"good old film")

    def download(self, fault, **more):
        self.fake.faults(*([fault] if isinstance(fault, str) else fault))
        return self.server.call("download_video", {"video_id": self.handle, "filename": "good.mp4", **more})

    def check_old(self, others=()):
        self.assertEqual(self.old.read_bytes(), b"good old film")
        self.assertEqual(sorted(os.listdir(self.place.videos)), sorted(["good.mp4", *others]))

    def test_cut_once_is_resumed(self):
        for fault in ("cut,at=100000", "reset,at=100000", "wrong-length,by=10", "503,retry-after=0", "close"):
            with self.subTest(fault=fault):
                result = self.download(f"{CONTENT},1,{fault}")
                self.assertFalse(result.get("isError"), result)
                made = result["structuredContent"]
                self.assertEqual((made["filename"], made["sha256"]), ("good_2.mp4", self.sum))
                self.assertEqual(hashlib.sha256((self.place.videos / "good_2.mp4").read_bytes()).hexdigest(), self.sum)
                os.unlink(self.place.videos / "good_2.mp4")
                self.check_old()

    def test_cut_every_time_is_an_error_and_leaves_the_old_file(self):
        for faults in (["cut,at=1000"], ["cut,at=1000", "no-range"], ["cut,at=1000", "new-etag"], ["wrong-length,by=10"]):
            with self.subTest(faults=faults):
                result = self.download([f"{CONTENT},*,{f}" for f in faults])
                self.assertTrue(result.get("isError"), result)
                self.check_old()

    def test_refusals(self):
        for fault in ("404", "401", "500"):
            self.assertTrue(self.download(f"{CONTENT},*,{fault}").get("isError"))
            self.check_old()

    def test_redirect_to_another_host_carries_no_key(self):
        other = Fake()
        self.addCleanup(other.close)
        result = self.download(f"{CONTENT},*,redirect,to={other.origin}/_fake/blob/{{id}}?bytes=512000")
        requests = [r for r in other.journal() if "blob" in r["path"]]
        self.assertTrue(requests, result)
        for request in requests:
            self.assertNotIn("authorization", {name.lower() for name in request["headers"]})
            self.assertNotIn("test-key", str(request))
        self.assertFalse(result.get("isError"), result)

    def test_redirect_of_an_order_is_not_followed(self):
        other = Fake()
        self.addCleanup(other.close)
        for status in (302, 307, 308):
            self.fake.faults(f"POST /v1/videos,*,redirect,to={other.origin},status={status}")
            self.server.bad("create_video", {"prompt": "x"})
        self.assertEqual(other.bought()["total"], 0)
        self.assertNotIn("test-key", str(other.journal()))


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("mount"), "a disk of its own needs root")
class PaidOnAFullDisk(Bought):
    options = ("--image-ms", "50", "--image-bytes", "1500KB")

    def setUp(self):
        super().setUp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "weir-e2e", str(self.place.media)], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(self.place.media)], check=True))
        self.place.images.mkdir()
        self.place.videos.mkdir()

    def fill(self, left):
        room = os.statvfs(self.place.media)
        with open(self.place.media / "ballast", "wb", buffering=0) as ballast:
            size = room.f_bavail * room.f_frsize - left
            while size > 0:
                try:
                    size -= ballast.write(b"x" * min(size, 4096))
                except OSError as full:  # the server has written meanwhile
                    if full.errno != errno.ENOSPC or left:
                        raise
                    break

    def test_kept_in_the_recovery_folder_and_named(self):
        server = self.start()
        server.good("list_reference_images")
        until((self.place.media / ".weir" / "jobs.sqlite").exists, "the job table is there")
        self.fill(500_000)
        text = server.bad("generate_image", {"prompt": "x", "filename": "dear.png"})
        kept = list(self.place.recovery.iterdir())
        self.assertEqual(len(kept), 1, text)
        self.assertIn(kept[0].name, text)
        self.assertIn("paid", text)
        png_size(kept[0].read_bytes())
        self.assertEqual(os.listdir(self.place.images), [])
        row = self.rows()[-1]
        self.assertEqual((row["status"], row["recovered"]), ("completed", kept[0].name))
        self.assertEqual(len(self.posts()), 1)

    def test_without_a_recovery_folder_the_error_says_that_it_was_bought(self):
        (self.place.base / "file").write_text("no folder")
        server = self.start(env={"WEIR_RECOVERY_DIR": str(self.place.base / "file" / "recovery")})
        server.good("list_reference_images")
        until((self.place.media / ".weir" / "jobs.sqlite").exists, "the job table is there")
        self.fill(500_000)
        self.assertIn("was bought", server.bad("generate_image", {"prompt": "x"}))
        self.assertEqual((os.listdir(self.place.images), len(self.posts())), ([], 1))
        self.assertEqual(self.rows()[-1]["status"], "unknown_outcome")

    def test_nothing_is_bought_where_not_even_the_row_fits(self):
        server = self.start()
        server.good("list_reference_images")
        until((self.place.media / ".weir" / "jobs.sqlite").exists, "the job table is there")
        self.fill(0)
        for _ in range(3):
            self.assertIn("free some space", server.bad("generate_image", {"prompt": "x" * 20_000}))
        self.assertEqual(self.posts(), [])
        os.unlink(self.place.media / "ballast")
        server.good("generate_image", {"prompt": "x"})


class Encoder(WithPlace):
    """The slate provider's own child process."""

    def test_killed_server_leaves_no_encoder_and_its_job_goes_on(self):
        with Stdio(self.place) as first:
            handle = first.good("create_video", {"prompt": "x", "seconds": "20", "size": "1280x720"})["id"]
            children = until(first.children, "the encoder runs")
            first.kill()
            for child in children:
                until(lambda: not os.path.exists(f"/proc/{child}"), "the encoder is gone", 10)
        with Stdio(self.place) as second:
            waited = second.good("wait_for", {"ids": [handle], "download": True})
            self.assertEqual(waited["jobs"][0]["status"], "completed", waited)
            self.assertTrue(waited["jobs"][0]["download"])


if __name__ == "__main__":
    unittest.main()
