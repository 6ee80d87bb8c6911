"""weir-fake-openai's own HTTP and the rules of its routes, seen over a bare socket."""

import base64
import hashlib
import json
import threading
import time
import unittest

from fake_process import Answer, Fake, form, png, png_size


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--max-body-bytes", "1000000")

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def raw(self, text):
        return self.fake.raw(text.encode())

    def test_chunked_request_body(self):
        body = json.dumps({"prompt": "x" * 100}).encode()
        chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
        a = self.fake.raw(b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: 1\r\n\r\n")
        self.assertEqual((a.status, a.json()["prompt"]), (200, "x" * 100))

    def test_keep_alive_and_pipelined_requests(self):
        one = "GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
        a = self.raw(one + "\r\n" + one + "Connection: close\r\n\r\n")
        self.assertEqual(a.raw.count(b"HTTP/1.1 200 OK\r\n"), 2)
        connections = [e["connection"] for e in self.fake.journal()[-2:]]
        self.assertEqual(connections[0], connections[1])

    def test_expect_100_continue(self):
        with self.fake.connect() as s:
            s.sendall(b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n"
                      b"Expect: 100-continue\r\nContent-Length: 14\r\n\r\n")
            self.assertEqual(s.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            s.sendall(b'{"prompt":"x"}')
            self.assertEqual(Answer(s).status, 200)

    def test_malformed_requests_are_refused(self):
        for text, status in (
            ("GET /v1/models HTTP/2.0\r\n\r\n", 505),
            ("GET\r\n\r\n", 400),
            ("GET v1 HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nbad name : x\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 1000001\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nf4241\r\n", 413),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
            ("GET / HTTP/1.1\r\n" + "a: b\r\n" * 20000 + "\r\n", 431),
        ):
            a = self.raw(text)
            self.assertEqual(a.status, status, text[:60])
            self.assertIn("message", a.error())

    def test_keys(self):
        for headers in {}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}:
            a = self.fake.ask("GET", "/v1/models", headers=headers, key=None)
            self.assertEqual((a.status, a.error()["type"], a.error()["code"]), (401, "invalid_request_error", None))
        with Fake("--api-key", "sk-right") as fake:
            self.assertEqual(fake.ask("GET", "/v1/models", key="sk-right").status, 200)
            a = fake.ask("GET", "/v1/models", key="sk-wrong-and-long")
            self.assertEqual((a.status, a.error()["code"]), (401, "invalid_api_key"))
            self.assertNotIn("wrong-and", a.error()["message"])

    def test_unknown_paths_and_methods(self):
        a = self.fake.ask("GET", "/v1/nothing")
        self.assertEqual((a.status, a.error()["message"]), (404, "Invalid URL (GET /v1/nothing)"))
        self.assertEqual(self.fake.ask("GET", "/v1/images/edits").status, 405)
        self.assertEqual(self.fake.ask("POST", "/v1/videos/x/cancel").status, 404)

    def test_headers_of_the_service(self):
        h = self.fake.ask("GET", "/v1/models").headers
        self.assertEqual(h["openai-version"], "2020-10-01")
        self.assertTrue(h["x-request-id"].startswith("req_"))
        self.assertTrue({"openai-processing-ms", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-tokens"} <= set(h))
        self.assertEqual(self.fake.journal()[-1]["request_id"], h["x-request-id"])

    def test_rate_limit(self):
        with Fake("--rpm", "2") as fake:
            answers = [fake.ask("GET", "/v1/models") for _ in range(3)]
            self.assertEqual([a.status for a in answers], [200, 200, 429])
            self.assertEqual(answers[2].headers["retry-after"], "1")

    def test_connections_are_bounded(self):
        with Fake("--max-connections", "2") as fake:
            idle = [fake.connect(), fake.connect()]
            time.sleep(0.2)
            third = fake.connect()
            third.sendall(b"GET /_fake/bought HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            third.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                third.recv(1)
            idle[0].close()
            third.settimeout(60)
            self.assertEqual(Answer(third).status, 200)
            for s in (*idle, third):
                s.close()


class Videos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--video-ms", "0")

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def setUp(self):
        self.fake.control("POST", "/_fake/reset")

    def refused(self, value, param=None, code=None, status=400, path="/v1/videos"):
        a = self.fake.post(path, value)
        self.assertEqual((a.status, a.error()["param"], a.error()["code"]), (status, param, code), a.body)
        self.assertEqual(self.fake.bought()["total"], 0)
        return a.error()["message"]

    def test_fields_are_checked(self):
        self.refused({}, "prompt", "missing_required_parameter")
        self.refused({"prompt": ""}, "prompt", "empty_string")
        self.refused({"prompt": "x" * 32001}, "prompt", "string_above_max_length")
        self.refused({"prompt": 7}, "prompt", "invalid_type")
        self.refused({"prompt": "x", "seconds": 4}, "seconds", "invalid_type")
        self.refused({"prompt": "x", "seconds": "5"}, "seconds", "invalid_value")
        self.refused({"prompt": "x", "size": "10x10"}, "size", "invalid_value")
        self.refused({"prompt": "x", "colour": "red"}, "colour", "unknown_parameter")
        self.refused({"prompt": "[moderation]"}, None, "moderation_blocked")
        self.refused([])
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "\u00e9" * 32000}).status, 200)

    def test_open_values(self):
        with Fake("--open-values") as fake:
            a = fake.post("/v1/videos", {"prompt": "x", "size": "768x768", "seconds": 5, "fps": 24, "model": "wan-2.2"}).json()
            self.assertEqual((a["size"], a["seconds"], a["model"]), ("768x768", "5", "wan-2.2"))

    def test_models(self):
        with Fake("--models", "a,b") as fake:
            self.assertEqual([m["id"] for m in fake.ask("GET", "/v1/models").json()["data"]], ["a", "b"])
            self.assertEqual(fake.post("/v1/videos", {"prompt": "x", "model": "b"}).status, 200)
            a = fake.post("/v1/videos", {"prompt": "x"})
            self.assertEqual((a.status, a.error()["code"]), (404, "model_not_found"))

    def test_reference_picture(self):
        def send(*parts):
            body, kind = form(("prompt", "x"), ("size", "1280x720"), *parts)
            return self.fake.ask("POST", "/v1/videos", body, content_type=kind)
        good = png(1280, 720)
        a = send(("input_reference", "a.png", "image/png", png(1279, 720)))
        self.assertEqual((a.status, a.error()["message"]), (400, "Inpaint image must match the requested width and height"))
        self.assertEqual(send(("input_reference", "a.txt", "text/plain", good)).status, 400)
        self.assertEqual(send(("input_reference", "a.png", "image/png", b"no picture")).status, 400)
        a = send(("input_reference", "a.png"))
        self.assertEqual((a.error()["param"], a.error()["code"]), ("input_reference", "invalid_type"))
        self.assertEqual(self.fake.bought()["total"], 0)
        self.assertEqual(send(("input_reference", "a.png", "image/png", good)).status, 200)
        fields = self.fake.journal()[-1]["multipart"]
        self.assertEqual([f["name"] for f in fields], ["prompt", "size", "input_reference"])
        self.assertEqual((fields[0]["text"], fields[0]["content_type"]), ("x", None))
        self.assertEqual((fields[2]["filename"], fields[2]["content_type"], fields[2]["sha256"]),
                         ("a.png", "image/png", hashlib.sha256(good).hexdigest()))

    def test_reference_in_json(self):
        url = "data:image/png;base64," + base64.b64encode(png(720, 1280)).decode()
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x", "input_reference": {"image_url": url}}).status, 200)
        body, kind = form(("purpose", "vision"), ("file", "a.png", "image/png", png(1280, 720)))
        file = self.fake.ask("POST", "/v1/files", body, content_type=kind).json()["id"]
        a = self.fake.post("/v1/videos", {"prompt": "x", "input_reference": {"file_id": file}})
        self.assertEqual(a.error()["message"], "Inpaint image must match the requested width and height")
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x", "size": "1280x720", "input_reference": {"file_id": file}}).status, 200)
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x", "input_reference": {"file_id": "file-none"}}).status, 404)

    def test_every_picture_format_is_measured(self):
        with Fake("--open-values", "--image-ms", "0") as fake:
            def made(kind):
                a = fake.post("/v1/images/generations", {"prompt": "x", "size": "1536x1024", "output_format": kind}).json()
                return base64.b64decode(a["data"][0]["b64_json"], validate=True)
            def riff(name, data):
                return b"RIFF" + (4 + 8 + len(data)).to_bytes(4, "little") + b"WEBP" + name + len(data).to_bytes(4, "little") + data
            pictures = {
                "png": made("png"), "jpeg": made("jpeg"), "webp lossless": made("webp"),
                # A Huffman table before the frame header: its marker lies among those of the frame headers.
                "jpeg tables first": b"\xff\xd8\xff\xc4\0\x09" + b"\x11" * 7 + b"\xff\xc2\0\x0b\x08\x04\0\x06\0\x03\0\0",
                "webp extended": riff(b"VP8X", b"\x10\0\0\0" + (1535).to_bytes(3, "little") + (1023).to_bytes(3, "little")),
                "webp lossy": riff(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a" + (1536).to_bytes(2, "little") + (1024 | 1 << 14).to_bytes(2, "little")),
            }
            for name, data in pictures.items():
                for size, status in ("1536x1024", 200), ("1535x1024", 400), ("1536x1025", 400), ("1024x1536", 400):
                    body, kind = form(("prompt", "x"), ("size", size), ("input_reference", "a", "image/" + name.split()[0], data))
                    a = fake.ask("POST", "/v1/videos", body, content_type=kind)
                    self.assertEqual(a.status, status, (name, size, a.body))

    def test_life_of_a_job(self):
        with Fake("--video-ms", "600") as fake:
            made = fake.post("/v1/videos", {"prompt": "x"}).json()
            self.assertEqual((made["status"], made["progress"], made["completed_at"]), ("queued", 0, None))
            path, seen = f"/v1/videos/{made['id']}", []
            a = fake.ask("GET", path + "/content")
            self.assertEqual(a.status, 404)
            self.assertEqual(fake.ask("DELETE", path).status, 400)
            for _ in range(3000):
                seen.append(fake.ask("GET", path).json())
                if seen[-1]["status"] == "completed":
                    break
                time.sleep(0.02)
            self.assertEqual(list(dict.fromkeys(v["status"] for v in seen)), ["queued", "in_progress", "completed"])
            self.assertEqual(seen[-1]["progress"], 100)
            self.assertEqual(sorted(v["progress"] for v in seen), [v["progress"] for v in seen])
            self.assertEqual(fake.ask("DELETE", path).json(), {"id": made["id"], "object": "video.deleted", "deleted": True})
            self.assertEqual(fake.ask("GET", path).status, 404)

    def test_prompts_steer(self):
        v = self.fake.ask("GET", f"/v1/videos/{self.fake.create_video('a [fail] b')}").json()
        self.assertEqual((v["status"], v["error"]["code"]), ("failed", "video_generation_failed"))
        slow = self.fake.create_video("[slow]")
        self.assertEqual(self.fake.ask("GET", f"/v1/videos/{slow}").json()["status"], "in_progress")
        self.assertEqual(len(self.fake.ask("GET", f"/v1/videos/{self.fake.create_video('[bytes=77]')}/content").body), 77)
        self.assertEqual(self.fake.ask("GET", f"/v1/videos/{self.fake.create_video('[expired]')}/content").status, 404)
        self.assertIn(self.fake.ask("GET", f"/v1/videos/{self.fake.create_video('[ms=60000]')}").json()["status"], ("queued", "in_progress"))

    def test_content_differs_and_is_as_announced(self):
        sums = set()
        for _ in range(2):
            video = self.fake.create_video()
            for variant, start in ("video", b"\0\0\0\x18ftyp"), ("thumbnail", b"RIFF"), ("spritesheet", b"\xff\xd8\xff"):
                a = self.fake.ask("GET", f"/v1/videos/{video}/content?variant={variant}")
                self.assertTrue(a.body.startswith(start))
                announced = self.fake.control("GET", f"/_fake/sha256/{video}?variant={variant}")
                self.assertEqual(announced["sha256"], hashlib.sha256(a.body).hexdigest())
                self.assertEqual(self.fake.journal()[-1]["content"]["sha256"], announced["sha256"])
                sums.add(announced["sha256"])
        self.assertEqual(len(sums), 6)
        self.assertEqual(self.fake.ask("GET", f"/v1/videos/{video}/content?variant=audio").status, 400)

    def test_real_media(self):
        with open(__file__, "rb") as f:
            media = f.read()
        with Fake("--video-ms", "0", "--real-media", __file__) as fake:
            video = fake.create_video()
            body = fake.ask("GET", f"/v1/videos/{video}/content").body
            self.assertEqual(body[:len(media)], media)
            self.assertEqual(body[len(media) + 4:], b"free" + video.encode())
            a = fake.ask("GET", f"/v1/videos/{video}/content", headers={"Range": f"bytes={len(media) - 5}-{len(media) + 5}"})
            self.assertEqual(a.body, body[len(media) - 5:len(media) + 6])

    def test_pages(self):
        ids = [self.fake.create_video(str(i)) for i in range(7)]
        for order, expected in ("asc", ids), ("desc", ids[::-1]):
            got, after, pages = [], "", 0
            while True:
                page = self.fake.ask("GET", f"/v1/videos?limit=3&order={order}{after}").json()
                got += [v["id"] for v in page["data"]]
                pages += 1
                self.assertEqual((page["first_id"], page["last_id"]), (page["data"][0]["id"], page["data"][-1]["id"]))
                if not page["has_more"]:
                    break
                after = "&after=" + page["last_id"]
            self.assertEqual((got, pages), (expected, 3))
        self.assertEqual([v["id"] for v in self.fake.ask("GET", "/v1/videos").json()["data"]], ids[::-1])
        for query in "limit=101", "limit=-1", "limit=x", "order=up", "after=video_none":
            self.assertEqual(self.fake.ask("GET", "/v1/videos?" + query).status, 400, query)

    def test_remix_and_cancel(self):
        first = self.fake.create_video()
        a = self.fake.post(f"/v1/videos/{first}/remix", {"prompt": "again"}).json()
        self.assertEqual(a["remixed_from_video_id"], first)
        self.assertEqual((self.fake.bought()["video"], self.fake.bought()["remix"]), (1, 1))
        self.assertEqual(self.fake.post("/v1/videos/video_none/remix", {"prompt": "x"}).status, 404)
        with Fake("--video-cancel") as fake:
            video = fake.create_video("[slow]")
            self.assertEqual(fake.ask("POST", f"/v1/videos/{video}/cancel").json()["status"], "cancelled")
            self.assertEqual(fake.ask("GET", f"/v1/videos/{video}").json()["status"], "cancelled")

    def test_idempotency_keys(self):
        def buy(prompt, fake=self.fake, boundary_noise=""):
            body, kind = form(("prompt", prompt))
            body, kind = body.replace(b"b0undary", b"b0undary" + boundary_noise.encode()), kind + boundary_noise
            return fake.ask("POST", "/v1/videos", body, headers={"Idempotency-Key": "k1"}, content_type=kind)
        first, second = buy("x"), buy("x", boundary_noise="zz")
        self.assertEqual(first.body, second.body)
        self.assertEqual(second.headers["idempotent-replayed"], "true")
        other = buy("y")
        self.assertEqual((other.status, other.error()["type"]), (400, "idempotency_error"))
        self.assertEqual(self.fake.bought()["total"], 1)
        with Fake("--no-idempotency") as fake:
            self.assertNotEqual(buy("x", fake).json()["id"], buy("x", fake).json()["id"])

    def test_one_key_at_the_same_time_buys_once(self):
        results = []
        def buy():
            results.append(self.fake.post("/v1/images/generations", {"prompt": "[ms=300]"}, headers={"Idempotency-Key": "same"}).body)
        threads = [threading.Thread(target=buy) for _ in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(set(results)), 1)
        self.assertEqual(self.fake.bought()["image"], 1)

    def test_work_with_a_key_outlives_its_client(self):
        body = json.dumps({"prompt": "[ms=500]"}).encode()
        with self.fake.connect() as s:
            s.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n"
                      b"Idempotency-Key: gone\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            for _ in range(600):
                if self.fake.bought()["total"]:
                    break
                time.sleep(0.05)
        again = self.fake.ask("POST", "/v1/images/generations", body, headers={"Idempotency-Key": "gone"})
        self.assertEqual((again.status, self.fake.bought()["image"]), (200, 1))

    def test_same_seed_same_ids(self):
        ids = []
        for seed in "5", "5", "6":
            with Fake("--seed", seed) as fake:
                ids.append(fake.create_video())
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], ids[2])


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--image-ms", "0")

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def setUp(self):
        self.fake.control("POST", "/_fake/reset")

    def test_generations(self):
        a = self.fake.post("/v1/images/generations", {"prompt": "x", "n": 2, "size": "1536x1024", "background": "transparent", "model": "m"}).json()
        data = [base64.b64decode(d["b64_json"], validate=True) for d in a["data"]]
        self.assertEqual([png_size(d) for d in data], [(1536, 1024, 6)] * 2)
        self.assertNotEqual(*data)
        self.assertEqual(a["usage"]["total_tokens"], a["usage"]["input_tokens"] + a["usage"]["output_tokens"])
        for field, value in (("n", 0), ("n", 11), ("size", "16x16"), ("size", "1000x1000"), ("size", "4096x1024"), ("quality", "best"),
                             ("output_format", "gif"), ("output_compression", 101), ("output_compression", 50), ("background", "red"),
                             ("prompt", ""), ("moderation", "off"), ("extra", 1)):
            self.assertEqual(self.fake.post("/v1/images/generations", {"prompt": "x", field: value}).status, 400, (field, value))
        refused = self.fake.post("/v1/images/generations", {"prompt": "x", "background": "transparent"})
        self.assertEqual(refused.error()["param"], "background")
        self.assertEqual(self.fake.bought()["total"], 1)

    def test_large_pictures_are_valid(self):
        with Fake("--image-ms", "0", "--image-bytes", "10000000") as fake:
            for kind, size in ("png", 10000000), ("jpeg", 10000000), ("webp", 10000000):
                a = fake.post("/v1/images/generations", {"prompt": "x", "output_format": kind}).json()
                data = base64.b64decode(a["data"][0]["b64_json"], validate=True)
                self.assertAlmostEqual(len(data), size, delta=4)
                if kind == "png":
                    self.assertEqual(png_size(data), (1024, 1024, 2))
                    self.assertEqual(len(data), size)

    def test_edits(self):
        picture = ("image[]", "a.png", "image/png", png(64, 64))
        def send(*parts):
            body, kind = form(("prompt", "x"), *parts)
            return self.fake.ask("POST", "/v1/images/edits", body, content_type=kind)
        self.assertEqual(send(("image", "a.png", "image/png", png(64, 64))).status, 200)
        self.assertEqual(send(*[picture] * 16, ("n", "1")).status, 200)
        self.assertEqual(send(picture, ("mask", "m.png", "image/png", png(64, 64, alpha=True))).status, 200)
        self.assertEqual(self.fake.bought()["image_edit"], 3)
        for parts in ((), [picture] * 17, (("image", "a.png"),), (("image", "a", "image/png", b"x"),), (picture, ("n", "many")),
                      (picture, ("mask", "m.png", "image/png", png(64, 63, alpha=True))), (picture, ("mask", "m.png", "image/png", png(64, 64)))):
            self.assertEqual(send(*parts).status, 400, [p[0] for p in parts])
        self.assertEqual(self.fake.bought()["image_edit"], 3)

    def test_events(self):
        a = self.fake.post("/v1/images/generations", {"prompt": "[ms=300]", "stream": True, "partial_images": 2})
        text, whole = a.dechunk()
        self.assertTrue(whole)
        events = [e.split(b"\n") for e in text.split(b"\n\n") if e]
        self.assertEqual([e[0] for e in events], [b"event: image_generation.partial_image"] * 2 + [b"event: image_generation.completed"])
        for e in events:
            png_size(base64.b64decode(json.loads(e[1].removeprefix(b"data: "))["b64_json"]))

    def test_responses(self):
        tools = [{"type": "image_generation", "size": "1024x1536", "output_format": "png"}]
        def make(prompt, **more):
            return self.fake.post("/v1/responses", {"model": "gpt-5.2", "input": prompt, "tools": tools, "background": True, **more})
        def get(r):
            return self.fake.ask("GET", "/v1/responses/" + r.json()["id"]).json()
        first = make("[calls=2]")
        self.assertEqual((first.json()["status"], first.json()["output"]), ("queued", []))
        r = get(first)
        self.assertEqual([o["type"] for o in r["output"]], ["image_generation_call"] * 2 + ["message"])
        pictures = [base64.b64decode(o["result"], validate=True) for o in r["output"][:2]]
        self.assertEqual([png_size(p) for p in pictures], [(1024, 1536, 2)] * 2)
        self.assertNotEqual(*pictures)
        self.assertEqual(get(make("[fail]"))["error"]["code"], "server_error")
        self.assertEqual(get(make("[refuse]"))["output"][0]["content"][0]["type"], "refusal")
        self.assertEqual(get(make("[incomplete]"))["incomplete_details"], {"reason": "content_filter"})
        self.assertEqual(make("[moderation]").status, 400)
        slow = make("[slow]", previous_response_id=first.json()["id"])
        self.assertEqual(get(slow)["output"][0]["status"], "generating")
        path = "/v1/responses/" + slow.json()["id"]
        self.assertEqual(self.fake.ask("POST", path + "/cancel").json()["status"], "cancelled")
        self.assertEqual(self.fake.ask("DELETE", path).json()["deleted"], True)
        self.assertEqual(self.fake.ask("GET", path).status, 404)
        self.assertEqual(make("x", previous_response_id="resp_none").error()["code"], "previous_response_not_found")
        self.assertEqual(make("x", tools=[{"type": "image_generation", "size": "1x1"}]).error()["param"], "size")
        now = make("x", background=False).json()
        self.assertEqual(now["status"], "completed")
        self.assertEqual(self.fake.ask("POST", f"/v1/responses/{now['id']}/cancel").status, 400)
        self.assertEqual(self.fake.bought()["response"], 6)

    def test_response_inputs(self):
        def make(*pieces):
            return self.fake.post("/v1/responses", {"model": "m", "background": True, "input": [{"role": "user", "content": list(pieces)}]})
        text, data = {"type": "input_text", "text": "[slow]"}, base64.b64encode(png(8, 8)).decode()
        good = make(text, {"type": "input_image", "image_url": "data:image/png;base64," + data, "detail": "auto"})
        self.assertEqual(self.fake.ask("GET", "/v1/responses/" + good.json()["id"]).json()["status"], "in_progress")
        for piece in ({"type": "input_image", "image_url": "data:image/png;base64,!!!!"}, {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                      {"type": "input_image", "image_url": "a.png"}, {"type": "input_sound"}, {"text": "x"}):
            self.assertEqual(make(text, piece).status, 400, piece)
        self.assertEqual(make(text, {"type": "input_image", "file_id": "file-none"}).status, 404)
        self.assertEqual(self.fake.post("/v1/responses", {"model": "m"}).error()["param"], "input")

    def test_files(self):
        def send(purpose, data):
            body, kind = form(("purpose", purpose), ("file", "mask.png", "image/png", data))
            return self.fake.ask("POST", "/v1/files", body, content_type=kind)
        f = send("vision", png(8, 8)).json()
        self.assertEqual((f["object"], f["filename"], f["purpose"], f["bytes"]), ("file", "mask.png", "vision", len(png(8, 8))))
        self.assertEqual(self.fake.ask("GET", "/v1/files/" + f["id"]).json(), f)
        self.assertEqual(self.fake.ask("GET", "/v1/files").json()["data"], [f])
        self.assertEqual(self.fake.ask("DELETE", "/v1/files/" + f["id"]).json(), {"id": f["id"], "object": "file", "deleted": True})
        self.assertEqual(self.fake.ask("GET", "/v1/files/" + f["id"]).status, 404)
        self.assertEqual(send("party", png(8, 8)).status, 400)
        self.assertEqual(send("vision", b"text").status, 400)


if __name__ == "__main__":
    unittest.main()
