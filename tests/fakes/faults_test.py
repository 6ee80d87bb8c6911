"""Each fault of weir-fake-openai, seen over a bare socket."""

import base64
import hashlib
import json
import time
import unittest

from fake_process import Fake

CONTENT = "GET /v1/videos/*/content"


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--video-ms", "0", "--image-ms", "0", "--video-bytes", "100000")

    @classmethod
    def tearDownClass(cls):
        cls.fake.close()

    def setUp(self):
        self.fake.control("POST", "/_fake/reset")

    def video(self):
        """Returns (path of the content, its bytes without any fault)."""
        path = f"/v1/videos/{self.fake.create_video()}/content"
        whole = self.fake.ask("GET", path)
        self.assertEqual((whole.status, len(whole.body)), (200, 100000))
        return path, whole

    def ask_with(self, rule, path, **more):
        self.fake.faults(rule)
        return self.fake.ask("GET", path, **more)

    # --- answers in the place of the real one ---

    def test_429_says_when_to_come_back(self):
        self.fake.faults("POST /v1/videos,1,429,retry-after=1.5")
        a = self.fake.post("/v1/videos", {"prompt": "x"})
        self.assertEqual(a.status, 429)
        self.assertEqual((a.headers["retry-after"], a.headers["retry-after-ms"]), ("2", "1500"))
        self.assertEqual(a.headers["x-ratelimit-remaining-requests"], "0")
        self.assertEqual((a.error()["type"], a.error()["code"]), ("requests", "rate_limit_exceeded"))
        self.assertEqual(self.fake.bought()["total"], 0)
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x"}).status, 200)
        self.assertEqual(self.fake.bought()["total"], 1)

    def test_429_of_an_empty_purse(self):
        a = self.ask_with("/v1/models,*,429,code=insufficient_quota", "/v1/models")
        self.assertEqual((a.error()["type"], a.error()["code"]), ("insufficient_quota", "insufficient_quota"))

    def test_plain_statuses_have_the_shape_of_the_service(self):
        for status, code in (401, "invalid_api_key"), (403, "unsupported_country_region_territory"), (404, None), (500, None):
            a = self.ask_with(f"/v1/models,*,{status}", "/v1/models")
            self.assertEqual((a.status, a.error()["code"]), (status, code))
            self.assertEqual(set(a.error()), {"message", "type", "param", "code"})

    def test_503_is_html(self):
        a = self.ask_with("/v1/models,*,503,retry-after=3", "/v1/models")
        self.assertEqual((a.status, a.headers["content-type"], a.headers["retry-after"]), (503, "text/html", "3"))
        self.assertTrue(a.body.startswith(b"<html>"))

    def test_500_after_the_purchase(self):
        self.fake.faults("POST /v1/videos,1,500,carry-out=1")
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x"}).status, 500)
        self.assertEqual(self.fake.bought()["video"], 1)

    def test_lost_answer_buys(self):
        self.fake.faults("POST /v1/videos,1,lost")
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x"}).raw, b"")
        self.assertEqual(self.fake.bought()["video"], 1)
        entry = self.fake.journal()[0]
        self.assertEqual((entry["faults"], entry["status"]), (["lost"], None))
        self.assertTrue(entry["bought"].startswith("video_"))

    def test_lost_answer_comes_again_by_its_key(self):
        self.fake.faults("POST /v1/videos,1,lost")
        key = {"Idempotency-Key": "one"}
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x"}, headers=key).raw, b"")
        again = self.fake.post("/v1/videos", {"prompt": "x"}, headers=key)
        self.assertEqual(again.status, 200)
        self.assertEqual(again.json()["id"], self.fake.journal()[0]["bought"])
        self.assertEqual((self.fake.bought()["video"], self.fake.bought()["replayed"]), (1, 1))

    def test_close_buys_nothing(self):
        self.fake.faults("POST /v1/videos,1,close")
        self.assertEqual(self.fake.post("/v1/videos", {"prompt": "x"}).raw, b"")
        self.assertEqual(self.fake.bought()["total"], 0)

    def test_hang(self):
        start = time.monotonic()
        a = self.ask_with("/v1/models,*,hang,ms=400", "/v1/models")
        self.assertEqual(a.raw, b"")
        self.assertGreaterEqual(time.monotonic() - start, 0.4)

    def test_delay(self):
        start = time.monotonic()
        a = self.ask_with("/v1/models,*,delay,ms=300", "/v1/models")
        self.assertEqual(a.status, 200)
        self.assertGreaterEqual(time.monotonic() - start, 0.3)

    def test_redirects(self):
        with Fake("--video-bytes", "5000") as other:
            for status in 302, 307:
                a = self.ask_with(f"{CONTENT},*,redirect,to={other.origin},status={status}", "/v1/videos/video_1/content?variant=video")
                self.assertEqual((a.status, a.headers["location"]), (status, other.origin + "/v1/videos/video_1/content?variant=video"))
            a = self.ask_with(f"{CONTENT},*,redirect,to={other.origin}/_fake/blob/{{id}}?bytes=700", "/v1/videos/video_1/content")
            self.assertEqual(a.headers["location"], other.origin + "/_fake/blob/video_1?bytes=700")
            blob = other.ask("GET", a.headers["location"].removeprefix(other.origin), key=None)
            self.assertEqual((blob.status, len(blob.body)), (200, 700))
            entry = other.journal()[0]
            self.assertEqual(entry["content"]["sha256"], hashlib.sha256(blob.body).hexdigest())
            self.assertNotIn("authorization", entry["headers"])

    # --- faults of the transport ---

    def test_cut(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,cut,at=12345", path)
        self.assertEqual((a.status, a.headers["content-length"], a.was_reset), (200, "100000", False))
        self.assertEqual(a.body, whole.body[:12345])

    def test_reset(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,reset,at=54321", path)
        self.assertTrue(a.was_reset)
        self.assertEqual(a.body, whole.body[:54321])
        a = self.ask_with(f"{CONTENT},1,reset,at=-1", path)
        self.assertTrue(a.was_reset)
        self.assertEqual(a.raw, b"")

    def test_slow(self):
        path, whole = self.video()
        start = time.monotonic()
        a = self.ask_with(f"{CONTENT},1,slow,rate=200000", path)
        self.assertEqual(a.body, whole.body)
        self.assertGreaterEqual(time.monotonic() - start, 0.45)

    def test_stall(self):
        path, whole = self.video()
        self.fake.faults(f"{CONTENT},1,stall,at=1000,ms=500")
        with self.fake.connect() as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nConnection: close\r\n\r\n".encode())
            got, start, longest = b"", time.monotonic(), (0, 0)
            while block := s.recv(1 << 16):
                longest = max(longest, (time.monotonic() - start, len(got.partition(b"\r\n\r\n")[2])))
                got, start = got + block, time.monotonic()
        self.assertGreaterEqual(longest[0], 0.4)
        self.assertEqual(longest[1], 1000)
        self.assertEqual(got.partition(b"\r\n\r\n")[2], whole.body)

    def test_wrong_length(self):
        path, whole = self.video()
        for by in 7, -7:
            a = self.ask_with(f"{CONTENT},1,wrong-length,by={by}", path)
            self.assertEqual(a.headers["content-length"], str(100000 + by))
            self.assertEqual(a.body, whole.body)

    def test_no_length(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,no-length", path, headers={"Connection": "keep-alive"})
        self.assertFalse({"content-length", "transfer-encoding"} & set(a.headers))
        self.assertEqual((a.headers["connection"], a.body), ("close", whole.body))

    def test_chunked(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,chunked,size=1000", path)
        self.assertEqual(a.headers["transfer-encoding"], "chunked")
        self.assertNotIn("content-length", a.headers)
        self.assertEqual(a.dechunk(), (whole.body, True))
        self.assertTrue(a.body.startswith(b"3e8\r\n"))

    def test_chunked_and_cut(self):
        path, whole = self.video()
        self.fake.faults(f"{CONTENT},1,chunked,size=1000", f"{CONTENT},1,cut,at=2500")
        self.assertEqual(self.fake.ask("GET", path).dechunk(), (whole.body[:2500], False))

    def test_invalid_json(self):
        a = self.ask_with("/v1/models,1,invalid-json", "/v1/models")
        self.assertEqual((a.status, len(a.body)), (200, int(a.headers["content-length"])))
        with self.assertRaises(json.JSONDecodeError):
            a.json()

    def test_bad_base64(self):
        for how in "chars", "padding", "truncated":
            for path, body, pick in (
                ("/v1/images/generations", {"prompt": "x"}, lambda v: v["data"][0]["b64_json"]),
                ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "image_generation"}]}, lambda v: v["output"][0]["result"]),
            ):
                self.fake.faults()
                base64.b64decode(pick(self.fake.post(path, body).json()), validate=True)
                self.fake.faults(f"POST {path},1,bad-base64,how={how}")
                with self.assertRaises(ValueError, msg=how):
                    base64.b64decode(pick(self.fake.post(path, body).json()), validate=True)

    # --- resuming ---

    def test_first_attempt_is_cut_and_the_second_resumes(self):
        paths = [self.video() for _ in range(2)]
        self.fake.faults(f"{CONTENT},1,cut,at=40000,per=path")
        for path, whole in paths:  # each path has its own first attempt
            first = self.fake.ask("GET", path)
            self.assertEqual(len(first.body), 40000)
            rest = self.fake.ask("GET", path, headers={"Range": "bytes=40000-", "If-Range": first.headers["etag"]})
            self.assertEqual((rest.status, rest.headers["content-range"]), (206, "bytes 40000-99999/100000"))
            self.assertEqual(first.body + rest.body, whole.body)

    def test_ranges(self):
        path, whole = self.video()
        self.assertEqual(whole.headers["accept-ranges"], "bytes")
        for asked, slice_, said in (("0-0", slice(0, 1), "0-0"), ("5-9", slice(5, 10), "5-9"), ("-10", slice(-10, None), "99990-99999"),
                                    ("99999-200000", slice(99999, None), "99999-99999")):
            a = self.fake.ask("GET", path, headers={"Range": "bytes=" + asked})
            self.assertEqual((a.status, a.body, a.headers["content-range"]), (206, whole.body[slice_], f"bytes {said}/100000"))
        a = self.fake.ask("GET", path, headers={"Range": "bytes=100000-"})
        self.assertEqual((a.status, a.headers["content-range"]), (416, "bytes */100000"))
        for headers in {"Range": "bytes=0-1,3-4"}, {"Range": "lines=1-2"}, {"Range": "bytes=5-", "If-Range": '"other"'}:
            self.assertEqual(self.fake.ask("GET", path, headers=headers).status, 200)

    def test_no_range(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,no-range", path, headers={"Range": "bytes=500-"})
        self.assertEqual((a.status, a.body), (200, whole.body))
        self.assertNotIn("accept-ranges", a.headers)

    def test_new_etag(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,new-etag", path, headers={"Range": "bytes=500-", "If-Range": whole.headers["etag"]})
        self.assertEqual((a.status, a.body), (200, whole.body))
        self.assertNotEqual(a.headers["etag"], whole.headers["etag"])

    def test_wrong_range(self):
        path, whole = self.video()
        a = self.ask_with(f"{CONTENT},1,wrong-range,by=-10", path, headers={"Range": "bytes=500-599"})
        self.assertEqual((a.status, a.headers["content-range"], a.body), (206, "bytes 490-589/100000", whole.body[500:600]))

    # --- the plan itself ---

    def test_when(self):
        for when, expected in (("2", "gbggg"), ("2-3", "gbbgg"), ("4-", "gggbb"), ("x3", "bbbgg"), ("*", "bbbbb")):
            self.fake.faults(f"GET /v1/models,{when},500")
            got = "".join("g" if self.fake.ask("GET", "/v1/models").status == 200 else "b" for _ in range(5))
            self.assertEqual(got, expected, when)

    def test_chance_follows_the_seed(self):
        runs = []
        for seed in "7", "7", "8":
            with Fake("--seed", seed, "--fault", "/v1/models,*,500,p=0.5") as fake:
                runs.append([fake.ask("GET", "/v1/models").status for _ in range(40)])
        self.assertEqual(runs[0], runs[1])
        self.assertNotEqual(runs[0], runs[2])
        self.assertEqual(set(runs[0]), {200, 500})

    def test_routes(self):
        self.fake.faults("POST /v1/models,*,500", "/v1/videos/*,*,500")
        self.assertEqual(self.fake.ask("GET", "/v1/models").status, 200)
        self.assertEqual(self.fake.ask("GET", "/v1/videos").status, 200)
        self.assertEqual(self.fake.ask("GET", "/v1/videos/a").status, 500)
        self.assertEqual(self.fake.ask("GET", "/v1/videos/a/content").status, 404)
        self.fake.faults("/v1/**,*,500")
        self.assertEqual(self.fake.ask("GET", "/v1/videos/a/content").status, 500)

    def test_json_form_adds_and_reports(self):
        self.fake.control("POST", "/_fake/faults", [{"route": "GET /v1/models", "when": "1", "kind": "429", "retry-after": 2}])
        self.fake.control("POST", "/_fake/faults", {"add": ["GET /v1/models,2,500"]})
        self.assertEqual([self.fake.ask("GET", "/v1/models").status for _ in range(3)], [429, 500, 200])
        self.assertEqual([f["fired"] for f in self.fake.control("GET", "/_fake/faults")["faults"]], [1, 1])

    def test_nonsense_is_refused_and_changes_nothing(self):
        self.fake.faults("/v1/models,*,500")
        for rule in ("/v1/models", "/v1/models,0,500", "/v1/models,*,200", "/v1/models,*,cut,at=x", "/v1/models,*,cut,rate=3",
                     "/v1/models,*,redirect", "models,*,500", "/v1/models,*,cut,at", 7, {"route": "/v1/models"}):
            a = self.fake.post("/_fake/faults", [rule])
            self.assertEqual(a.status, 400, rule)
            self.assertIn("fault", a.error()["message"])
        self.assertEqual(self.fake.ask("GET", "/v1/models").status, 500)


if __name__ == "__main__":
    unittest.main()
