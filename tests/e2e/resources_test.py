"""The files of the media folder as resources, and the completion of their names."""

import base64
import os
import unittest

from weir_client import Http, Stdio, WithPlace


class Resources(WithPlace):
    def setUp(self):
        super().setUp()
        self.server = Stdio(self.place)
        self.addCleanup(lambda: self.server.__exit__(None))

    def read(self, uri):
        return self.server.ask("resources/read", {"uri": uri})

    def test_list_and_read(self):
        data = self.place.picture("a b\u00e9.png").read_bytes()
        (self.place.videos / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
        (self.place.videos / "notes.txt").write_bytes(b"private")
        found = {r["name"]: r for r in self.server.ask("resources/list")["result"]["resources"]}
        self.assertEqual(set(found), {"a b\u00e9.png", "clip.mp4"})
        picture = found["a b\u00e9.png"]
        self.assertEqual((picture["uri"], picture["mimeType"], picture["size"]),
                         ("weir://images/a%20b%C3%A9.png", "image/png", len(data)))
        contents = self.read(picture["uri"])["result"]["contents"]
        self.assertEqual(base64.b64decode(contents[0]["blob"], validate=True), data)
        self.assertEqual((contents[0]["uri"], contents[0]["mimeType"]), (picture["uri"], "image/png"))

    def test_the_link_of_a_result_can_be_read(self):
        self.place.picture("p.png")
        result = self.server.call("prepare_reference_image", {"input_filename": "p.png", "target_size": "32x32"})
        link = result["content"][-1]
        blob = self.read(link["uri"])["result"]["contents"][0]["blob"]
        self.assertEqual(base64.b64decode(blob), (self.place.images / link["name"]).read_bytes())

    def test_templates(self):
        found = self.server.ask("resources/templates/list")["result"]["resourceTemplates"]
        self.assertEqual({t["uriTemplate"] for t in found}, {"weir://videos/{name}", "weir://images/{name}"})

    def test_completion_of_names(self):
        for i in range(130):
            (self.place.images / f"ref{i:03}.png").write_bytes(b"x")
        (self.place.images / "other.jpg").write_bytes(b"x")

        def complete(value):
            return self.server.ask("completion/complete", {
                "ref": {"type": "ref/resource", "uri": "weir://images/{name}"},
                "argument": {"name": "name", "value": value}})["result"]["completion"]
        self.assertEqual(complete("oth")["values"], ["other.jpg"])
        self.assertEqual(complete("nothing")["values"], [])
        many = complete("ref")
        self.assertEqual((len(many["values"]), many["hasMore"]), (100, True))

    def test_nothing_else_can_be_read(self):
        secret = self.place.outside / "secret.txt"
        secret.write_text("outside")
        os.symlink(secret, self.place.images / "link.png")
        os.symlink(self.place.outside, self.place.images / "folder")
        os.mkfifo(self.place.images / "pipe.png")
        (self.place.media / ".weir").mkdir(exist_ok=True)
        (self.place.media / ".weir" / "mine.png").write_bytes(b"x")
        for uri in ("weir://images/../../outside/secret.txt", "weir://images/..%2f..%2foutside%2fsecret.txt",
                    "weir://images/link.png", "weir://images/folder/secret.txt", "weir://images/pipe.png",
                    "weir://images/", "weir://images", "weir://", "weir://audio/x.png", "weir://.weir/mine.png",
                    "weir://images/..%2F.weir%2Fmine.png", "weir://images/%00.png", "weir://images/%zz.png", "weir://images/%",
                    "file:///etc/passwd", "", "weir://images/no.png", "weir://images/" + "x" * 300, "weir://images/%ff.png"):
            answer = self.read(uri)
            self.assertIn("error", answer, uri)
            self.assertNotIn("outside\"", str(answer))

    def test_a_large_file_is_refused_with_a_reason(self):
        with open(self.place.videos / "long.mp4", "wb") as film:
            film.truncate(40 << 20)
        answer = self.read("weir://videos/long.mp4")
        self.assertIn("long.mp4", answer["error"]["message"])
        self.assertLess(self.server.status("VmHWM"), 200 << 10)

    def test_on_http(self):
        data = self.place.picture("a.png").read_bytes()
        with Http(self.place) as web:
            found = web.ask("resources/list")["result"]["resources"]
            self.assertEqual([r["name"] for r in found], ["a.png"])
            contents = web.ask("resources/read", {"uri": found[0]["uri"]})["result"]["contents"]
            self.assertEqual(base64.b64decode(contents[0]["blob"]), data)


if __name__ == "__main__":
    unittest.main()
