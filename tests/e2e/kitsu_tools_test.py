"""The tools of the media server that reach a Kitsu server: a real one, which WEIR_ZOU names."""

import hashlib
import json
import os
import pathlib
import subprocess
import unittest

from weir_client import WEIR, Place, Stdio

ZOU = json.loads(pathlib.Path(os.environ["WEIR_ZOU"]).read_text())
LOGIN = {"KITSU_HOST": ZOU["url"], "KITSU_EMAIL": ZOU["admin"]["email"], "KITSU_PASSWORD": ZOU["admin"]["password"]}
NAMES = {"kitsu_list_projects", "kitsu_list_shots", "kitsu_list_tasks", "kitsu_download_preview"}


def listed(server):
    return {tool["name"] for tool in server.ask("tools/list")["result"]["tools"]}


class Tools(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.close)

    def server(self, **env):
        started = Stdio(self.place, env=self.place.env(**env))
        self.addCleanup(started.close)
        return started

    def test_are_there_where_a_login_is_configured(self):
        self.assertEqual(listed(self.server()) & NAMES, set())
        self.assertEqual(listed(self.server(**LOGIN)) & NAMES, NAMES)
        self.assertEqual(listed(self.server(KITSU_HOST=ZOU["url"], KITSU_TOKEN=ZOU["bot"]["token"])) & NAMES, NAMES)

    def test_list_a_production(self):
        server = self.server(**LOGIN)
        names = {project["name"] for project in server.good("kitsu_list_projects")["projects"]}
        self.assertEqual(names, set(ZOU["projects"]))
        shots = server.good("kitsu_list_shots", {"project": "Cinder", "with_tasks": True, "limit": 3, "offset": 1})
        self.assertEqual((shots["total"], len(shots["shots"])), (666, 3))
        self.assertEqual(len(shots["shots"][0]["tasks"]), 3)
        tasks = server.good("kitsu_list_tasks", {"shot_id": shots["shots"][0]["id"]})
        self.assertEqual({task["type"] for task in tasks["tasks"]}, set(ZOU["task_types"]))
        one = server.good("kitsu_list_tasks", {"project": ZOU["projects"]["Cinder"], "type": "Layout", "limit": 5})
        self.assertEqual((one["total"], len(one["tasks"])), (666, 5))

    def test_save_a_preview_where_the_other_tools_find_it(self):
        server = self.server(**LOGIN)
        picture = next(p for p in ZOU["previews"] if p["kind"] == "picture")
        saved = server.good("kitsu_download_preview", {"preview_id": picture["id"]})
        self.assertEqual((saved["sha256"], saved["bytes"]), (picture["sha256"], picture["size"]))
        found = [f["filename"] for f in server.good("list_reference_images")["data"]]
        self.assertEqual(found, [saved["filename"]])
        prepared = server.good("prepare_reference_image", {"input_filename": saved["filename"],
                                                           "target_size": "720x1280"})
        self.assertTrue(prepared["output_filename"])
        movie = next(p for p in ZOU["previews"] if p["kind"] == "movie")
        saved = server.good("kitsu_download_preview", {"preview_id": movie["id"], "filename": "take.mp4"})
        file = next(self.place.media.rglob("take.mp4"))
        self.assertEqual(hashlib.sha256(file.read_bytes()).hexdigest(), movie["sha256"])

    def test_say_what_is_wrong(self):
        server = self.server(**LOGIN)
        self.assertIn("Aurora", server.bad("kitsu_list_shots", {"project": "Aurorra"}))
        self.assertIn("no preview", server.bad("kitsu_download_preview", {"preview_id": "00000000-0000-4000-8000-000000000000"}))
        waiting = next(p for p in ZOU["previews"] if p["kind"] == "processing")
        self.assertIn("processing", server.bad("kitsu_download_preview", {"preview_id": waiting["id"]}))
        broken = next(p for p in ZOU["previews"] if p["kind"] == "broken")
        self.assertIn("broken", server.bad("kitsu_download_preview", {"preview_id": broken["id"]}))
        archive = next(p for p in ZOU["previews"] if p["kind"] == "archive")
        self.assertIn("zip", server.bad("kitsu_download_preview", {"preview_id": archive["id"]}))
        self.assertIn("whose tasks", server.bad("kitsu_list_tasks"))
        for name in ("../x.png", "/etc/x.png", "a/../../x.png", "x.exe"):
            picture = next(p for p in ZOU["previews"] if p["kind"] == "picture")
            server.bad("kitsu_download_preview", {"preview_id": picture["id"], "filename": name})
        self.assertIn("password", self.server(**{**LOGIN, "KITSU_PASSWORD": "wrong"}).bad("kitsu_list_projects"))
        gone = self.server(**{**LOGIN, "KITSU_HOST": "http://127.0.0.1:1"}).bad("kitsu_list_projects")
        self.assertNotIn(LOGIN["KITSU_PASSWORD"], gone)

    def test_doctor_looks_at_the_login(self):
        def look(**env):
            ran = subprocess.run([WEIR, "doctor", "--json"], env=self.place.env(**env), capture_output=True, text=True,
                                 timeout=120)
            return next(each for each in json.loads(ran.stdout)["result"]["checks"] if each["name"] == "kitsu")
        self.assertTrue(look()["ok"])
        self.assertIn("3 open projects", look(**LOGIN)["detail"])
        wrong = look(**{**LOGIN, "KITSU_PASSWORD": "wrong-and-secret"})
        self.assertFalse(wrong["ok"])
        self.assertNotIn("wrong-and-secret", wrong["detail"])
        self.assertFalse(look(**{**LOGIN, "KITSU_HOST": "http://127.0.0.1:1"})["ok"])


if __name__ == "__main__":
    unittest.main()
