"""The official client of the service drives every endpoint of weir-fake-openai.

The client lives in a virtual environment in the user's cache; the first run installs it and needs a package index.
"""

import fcntl
import os
import pathlib
import subprocess
import sys
import venv

OPENAI = "2.53.0"  # its videos.* still exist


def environment():
    cache = os.environ.get("WEIR_CACHE_DIR")
    if not cache:
        cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(pathlib.Path.home(), ".cache"), "weir")
    return pathlib.Path(cache) / "venv-openai"


def version_in(python):
    if not python.exists():
        return None
    found = subprocess.run([python, "-c", "import openai; print(openai.__version__)"], capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else None


def continue_in_environment():
    """Replaces this process by the same script under the environment's Python; makes the environment first."""
    place = environment()
    python = place / "bin" / "python"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds may come here at once
        if version_in(python) != OPENAI:
            try:
                venv.create(place, clear=True, with_pip=True)
            except subprocess.CalledProcessError as e:
                sys.exit(f"FAILED: no virtual environment could be made in {place} (is python3-venv installed?): {e}")
            pip = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"openai=={OPENAI}"],
                                 capture_output=True, text=True)
            if pip.returncode != 0:
                sys.exit(f"FAILED: openai=={OPENAI} could not be installed into {place}; this test needs it once, and a package\n"
                         f"index that pip reaches (PIP_INDEX_URL, or fill the environment by hand). pip said:\n{pip.stderr or pip.stdout}")
            if version_in(python) != OPENAI:
                sys.exit(f"FAILED: {place} does not hold openai {OPENAI} although pip reported success")
    if os.environ.get("WEIR_IN_VENV_OPENAI"):
        sys.exit(f"FAILED: {python} does not run in {place} but in {sys.prefix}")
    os.execve(python, [str(python), *sys.argv], {**os.environ, "WEIR_IN_VENV_OPENAI": "1"})


if pathlib.Path(sys.prefix).resolve() != environment().resolve():
    continue_in_environment()

import base64  # noqa: E402
import hashlib  # noqa: E402
import io  # noqa: E402
import time  # noqa: E402
import unittest  # noqa: E402
import warnings  # noqa: E402

import openai  # noqa: E402

from fake_process import Fake, png, png_size  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)


class Sdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--api-key", "sk-test", "--video-ms", "200", "--image-ms", "50", "--video-bytes", "3000000")

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def setUp(self):
        self.fake.control("POST", "/_fake/reset")
        self.client = self.enterContext(openai.OpenAI(api_key="sk-test", base_url=self.fake.base_url, timeout=60))

    def video(self, prompt="a lighthouse", **more):
        v = self.client.videos.create_and_poll(prompt=prompt, poll_interval_ms=20, **more)
        return v

    def response(self, prompt, **more):
        r = self.client.responses.create(model="gpt-5.2", input=prompt, background=True, tools=[{"type": "image_generation", **more}])
        for _ in range(3000):
            if r.status not in ("queued", "in_progress"):
                break
            time.sleep(0.02)
            r = self.client.responses.retrieve(r.id)
        return r

    def test_videos(self):
        made = self.client.videos.create(prompt="x", model="sora-2-pro", seconds="8", size="1280x720",
                                         input_reference=("ref.png", png(1280, 720), "image/png"))
        self.assertEqual((made.status, made.object, made.seconds, made.size, made.model), ("queued", "video", "8", "1280x720", "sora-2-pro"))
        fields = self.fake.journal()[0]["multipart"]
        self.assertEqual({f["name"] for f in fields}, {"prompt", "model", "seconds", "size", "input_reference"})
        done = self.client.videos.poll(made.id, poll_interval_ms=20)
        self.assertEqual((done.status, done.progress, done.error), ("completed", 100, None))
        self.assertEqual(done.expires_at, done.completed_at + 3600)
        again = self.client.videos.remix(done.id, prompt="y")
        self.assertEqual(again.remixed_from_video_id, done.id)
        self.assertEqual(self.client.videos.poll(again.id).status, "completed")  # interval by openai-poll-after-ms
        self.assertTrue(self.client.videos.delete(done.id).deleted)
        with self.assertRaises(openai.NotFoundError):
            self.client.videos.retrieve(done.id)
        self.assertEqual((self.fake.bought()["video"], self.fake.bought()["remix"]), (1, 1))

    def test_failed_video(self):
        v = self.video("[fail]")
        self.assertEqual((v.status, v.error.code), ("failed", "video_generation_failed"))

    def test_pages_follow_by_themselves(self):
        ids = [self.client.videos.create(prompt=str(i)).id for i in range(5)]
        self.assertEqual([v.id for v in self.client.videos.list(limit=2, order="asc")], ids)
        self.assertEqual([v.id for v in self.client.videos.list(limit=2)], ids[::-1])
        self.assertEqual(sum(e["path"] == "/v1/videos" and e["method"] == "GET" for e in self.fake.journal()), 6)

    def test_streamed_download(self):
        v = self.video()
        self.assertEqual(v.status, "completed")
        whole = hashlib.sha256()
        with self.client.videos.with_streaming_response.download_content(v.id) as r:
            self.assertEqual(r.headers["content-type"], "video/mp4")
            size = 0
            for block in r.iter_bytes(65536):
                whole.update(block)
                size += len(block)
        self.assertEqual(size, 3000000)
        self.assertEqual(whole.hexdigest(), self.fake.control("GET", "/_fake/sha256/" + v.id)["sha256"])
        self.assertEqual(self.client.videos.download_content(v.id, variant="thumbnail").read()[:4], b"RIFF")

    def test_cut_download_is_an_error(self):
        v = self.video()
        self.fake.faults("GET /v1/videos/*/content,1,cut,at=1000000")
        with self.assertRaises(Exception) as caught, self.client.videos.with_streaming_response.download_content(v.id) as r:
            for _ in r.iter_bytes():
                pass
        self.assertEqual(type(caught.exception).__name__, "RemoteProtocolError")

    def test_redirected_download_drops_the_key(self):
        v = self.video()
        with Fake("--video-bytes", "3000000") as other:
            self.fake.faults(f"GET /v1/videos/*/content,1,redirect,to={other.origin}/_fake/blob/{{id}}")
            data = self.client.videos.download_content(v.id).read()
            self.assertEqual(hashlib.sha256(data).hexdigest(), self.fake.control("GET", "/_fake/sha256/" + v.id)["sha256"])
            self.assertNotIn("authorization", other.journal()[0]["headers"])

    def test_images(self):
        r = self.client.images.generate(prompt="x", model="gpt-image-2", size="1536x1024", quality="high", output_format="png")
        self.assertEqual(png_size(base64.b64decode(r.data[0].b64_json, validate=True)), (1536, 1024, 2))
        self.assertEqual((r.size, r.quality, r.output_format), ("1536x1024", "high", "png"))
        self.assertGreater(r.usage.total_tokens, 0)
        for kind, start in ("jpeg", b"\xff\xd8"), ("webp", b"RIFF"):
            r = self.client.images.generate(prompt="x", output_format=kind)
            self.assertTrue(base64.b64decode(r.data[0].b64_json).startswith(start))

    def test_streamed_image(self):
        events = list(self.client.images.generate(prompt="x", stream=True, partial_images=2))
        self.assertEqual([e.type for e in events], ["image_generation.partial_image"] * 2 + ["image_generation.completed"])
        self.assertEqual([e.partial_image_index for e in events[:2]], [0, 1])

    def test_edits(self):
        picture = ("a.png", png(64, 64), "image/png")
        mask = ("m.png", png(64, 64, alpha=True), "image/png")
        self.assertEqual(len(self.client.images.edit(prompt="x", image=picture, mask=mask).data), 1)
        self.assertEqual(len(self.client.images.edit(prompt="x", image=[picture] * 3, n=2).data), 2)
        names = [[f["name"] for f in e["multipart"] if f.get("filename")] for e in self.fake.journal()]
        self.assertEqual(names, [["image", "mask"], ["image[]"] * 3])
        self.assertEqual(self.fake.bought()["image_edit"], 2)

    def test_responses(self):
        r = self.response("a fox", size="1024x1024", output_format="webp")
        call = r.output[0]
        self.assertEqual((r.status, call.type, call.status), ("completed", "image_generation_call", "completed"))
        self.assertEqual(base64.b64decode(call.result, validate=True)[8:12], b"WEBP")
        self.assertEqual(self.response("[fail]").error.code, "server_error")
        self.assertEqual(self.response("[refuse]").output[0].content[0].type, "refusal")
        slow = self.client.responses.create(model="gpt-5.2", input="[slow]", background=True)
        self.assertEqual(self.client.responses.cancel(slow.id).status, "cancelled")
        self.client.responses.delete(slow.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(slow.id)

    def test_files_and_models(self):
        f = self.client.files.create(file=("mask.png", io.BytesIO(png(8, 8, alpha=True))), purpose="vision")
        self.assertEqual((f.filename, f.purpose, f.bytes), ("mask.png", "vision", len(png(8, 8, alpha=True))))
        r = self.response("x", input_image_mask={"file_id": f.id})
        self.assertEqual(r.status, "completed")
        self.assertTrue(self.client.files.delete(f.id).deleted)
        self.assertIn("sora-2", [m.id for m in self.client.models.list()])

    def test_errors_are_of_the_right_class(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.videos.create(prompt="[moderation]")
        self.assertEqual(caught.exception.code, "moderation_blocked")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.videos.create(prompt="x", size="1280x720", input_reference=("a.png", png(1280, 721), "image/png"))
        self.assertEqual(caught.exception.body["message"], "Inpaint image must match the requested width and height")
        self.assertTrue(caught.exception.request_id.startswith("req_"))
        with self.assertRaises(openai.AuthenticationError) as caught:
            self.client.with_options(api_key="sk-other").models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")
        quick = self.client.with_options(max_retries=0)
        for status, kind in ((400, openai.BadRequestError), (401, openai.AuthenticationError), (403, openai.PermissionDeniedError),
                             (404, openai.NotFoundError), (409, openai.ConflictError), (422, openai.UnprocessableEntityError),
                             (429, openai.RateLimitError), (500, openai.InternalServerError), (503, openai.InternalServerError)):
            self.fake.faults(f"GET /v1/models,*,{status}")
            with self.assertRaises(kind) as caught:
                quick.models.list()
            self.assertEqual(caught.exception.status_code, status)
        self.fake.faults("GET /v1/models,*,close")
        with self.assertRaises(openai.APIConnectionError):
            quick.models.list()
        self.fake.faults("GET /v1/models,*,hang,ms=20000")
        with self.assertRaises(openai.APITimeoutError):
            quick.with_options(timeout=0.3).models.list()

    def test_429_is_retried(self):
        self.fake.faults("POST /v1/videos,x2,429,retry-after=0.2")
        start = time.monotonic()
        self.assertEqual(self.client.videos.create(prompt="x").status, "queued")
        self.assertGreaterEqual(time.monotonic() - start, 0.4)
        self.assertEqual([(e["status"], e["headers"]["x-stainless-retry-count"]) for e in self.fake.journal()], [(429, "0"), (429, "1"), (200, "2")])
        self.assertEqual(self.fake.bought()["video"], 1)
        self.fake.faults("POST /v1/videos,x3,429,retry-after=0.05")
        with self.assertRaises(openai.RateLimitError) as caught:
            self.client.videos.create(prompt="x")
        self.assertEqual(caught.exception.code, "rate_limit_exceeded")

    def test_a_lost_answer_makes_this_client_buy_twice(self):
        self.fake.faults("POST /v1/videos,1,lost")
        self.client.videos.create(prompt="x")
        self.assertEqual(self.fake.bought()["video"], 2)
        self.fake.control("POST", "/_fake/reset")
        self.fake.faults("POST /v1/videos,1,lost")
        self.client.videos.create(prompt="x", extra_headers={"Idempotency-Key": "k"})
        self.assertEqual((self.fake.bought()["video"], self.fake.bought()["replayed"]), (1, 1))


if __name__ == "__main__":
    unittest.main()
