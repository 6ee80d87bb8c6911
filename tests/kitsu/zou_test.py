"""Is the server that the tests talk to a real zou, and does it hold what its facts say? With WEIR_ZOU, the facts."""
import hashlib
import json
import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
from zou_kit.api import Api, Refused  # noqa: E402
from zou_kit.tokens import access_token, totp  # noqa: E402


class Zou(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if "WEIR_ZOU" not in os.environ:
            sys.exit("set WEIR_ZOU to the zou.json of a running server: tests/kitsu/zou up")
        with open(os.environ["WEIR_ZOU"]) as file:
            cls.facts = json.load(file)
        cls.api = Api(cls.facts["api_url"])
        cls.api.log_in(cls.facts["admin"]["email"], cls.facts["admin"]["password"])

    def preview(self, kind):
        return next(one for one in self.facts["previews"] if one["kind"] == kind)

    def person(self, name):
        return self.facts["persons"][name + "@example.com"]

    def test_says_its_version_below_both_addresses(self):
        for url in self.facts["url"], self.facts["api_url"]:
            about = Api(url).get("")
            self.assertEqual((about["api"], about["version"]), ("Zou", self.facts["version"]))

    def test_holds_what_was_filled(self):
        cinder = self.facts["projects"]["Cinder"]
        self.assertEqual(len(self.api.get(f"data/projects/{cinder}/shots")), 666)
        self.assertEqual(len(self.api.get(f"data/tasks?project_id={cinder}")), 1998)
        page = self.api.get("data/tasks?page=1")
        self.assertEqual(len(page["data"]), 100)
        self.assertGreaterEqual(page["total"], 6000)
        self.assertGreaterEqual(len(self.api.get("data/shots/all")), 2000)
        shots = self.api.get(f"data/shots/with-tasks?project_id={cinder}")
        self.assertEqual({len(shot["tasks"]) for shot in shots}, {3})

    def test_gives_files_whole_and_from_the_middle(self):
        for kind in "picture", "movie", "archive":
            fact = self.preview(kind)
            status, headers, body = self.api.raw("GET", fact["path"])
            self.assertEqual((status, len(body)), (200, fact["size"]))
            self.assertEqual(hashlib.sha256(body).hexdigest(), fact["sha256"])
            status, resumed, rest = self.api.raw("GET", fact["path"], headers={"Range": f"bytes={fact['size'] // 3}-",
                                                                               "If-Range": headers["ETag"]})
            self.assertEqual(status, 206)
            self.assertEqual(resumed["Content-Range"], f"bytes {fact['size'] // 3}-{fact['size'] - 1}/{fact['size']}")
            self.assertEqual(rest, body[fact["size"] // 3:])
        self.assertEqual(self.api.get(f"data/preview-files/{self.preview('broken')['id']}")["status"], "broken")
        status, _, _ = self.api.raw("GET", f"movies/originals/preview-files/{self.preview('processing')['id']}.mp4")
        self.assertEqual(status, 404)

    def test_refuses_an_expired_token_and_renews_it(self):
        person = self.person("artist")
        with self.assertRaises(Refused) as caught:
            Api(self.facts["url"], person["expired_token"]).get("data/user/context")
        self.assertEqual((caught.exception.status, caught.exception.json()["message"]), (401, "Signature has expired"))
        renewed = Api(self.facts["url"], person["refresh_token"]).get("auth/refresh-token")["access_token"]
        self.assertEqual(Api(self.facts["url"], renewed).get("auth/authenticated")["user"]["id"], person["id"])

    def test_refuses_a_token_that_another_signed(self):
        forged = access_token("another secret, which is long enough", self.person("admin")["id"], time.time(), 3600)
        with self.assertRaises(Refused) as caught:
            Api(self.facts["url"], forged).get("data/projects")
        self.assertEqual(caught.exception.status, 422)

    def test_asks_for_a_code(self):
        person = self.person("totp")
        with self.assertRaises(Refused) as caught:
            Api(self.facts["url"]).log_in(person["email"], person["password"])
        self.assertTrue(caught.exception.json()["missing_OTP"])
        answer = Api(self.facts["url"]).post("auth/login", {"email": person["email"], "password": person["password"],
                                                            "totp": totp(person["otp_secret"])})
        self.assertTrue(answer["login"])

    def test_knows_its_other_accounts(self):
        for name, mark in ("disabled", "unactive"), ("default", "default_password"):
            with self.assertRaises(Refused) as caught:
                Api(self.facts["url"]).log_in(self.person(name)["email"], self.person(name)["password"])
            self.assertTrue(caught.exception.json()[mark])
        artist = Api(self.facts["url"])
        artist.log_in("artist@example.com", self.person("artist")["password"])
        with self.assertRaises(Refused) as caught:
            artist.get("data/events/last")
        self.assertEqual(caught.exception.status, 403)
        self.assertEqual(len(Api(self.facts["url"], self.facts["bot"]["token"]).get("data/projects/open")), 3)


if __name__ == "__main__":
    unittest.main()
