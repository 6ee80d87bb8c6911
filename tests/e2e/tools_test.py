"""The list of tools, what it promises, and how wrong calls are refused."""

import json
import unittest

from schema_check import problems
from weir_client import LEGACY, MODERN, Stdio, Http, WithPlace

REQUIRED = object()

# Names, parameters and defaults as prompts for Sanzaru 0.10 use them, and what Weir adds.
TOOLS = {
    "create_video": {"prompt": REQUIRED, "model": "sora-2", "seconds": None, "size": None,
                     "input_reference_filename": None},
    "get_video_status": {"video_id": REQUIRED},
    "download_video": {"video_id": REQUIRED, "filename": None, "variant": "video"},
    "list_videos": {"limit": 20, "after": None, "order": "desc"},
    "list_local_videos": {"pattern": None, "file_type": "all", "sort_by": "modified", "order": "desc", "limit": 50},
    "delete_video": {"video_id": REQUIRED},
    "cancel_video": {"video_id": REQUIRED},
    "remix_video": {"previous_video_id": REQUIRED, "prompt": REQUIRED},
    "generate_image": {"prompt": REQUIRED, "model": "gpt-image-2", "size": "auto", "quality": "auto",
                       "background": "auto", "output_format": "png", "moderation": "auto", "filename": None},
    "edit_image": {"prompt": REQUIRED, "input_images": REQUIRED, "model": "gpt-image-2", "mask_filename": None,
                   "size": "auto", "quality": "auto", "background": "auto", "output_format": "png",
                   "input_fidelity": None, "filename": None},
    "create_image": {"prompt": REQUIRED, "model": "gpt-5.2", "tool_config": None, "previous_response_id": None,
                     "input_images": None, "mask_filename": None},
    "get_image_status": {"response_id": REQUIRED},
    "download_image": {"response_id": REQUIRED, "filename": None},
    "list_reference_images": {"pattern": None, "file_type": "all", "sort_by": "modified", "order": "desc", "limit": 50},
    "prepare_reference_image": {"input_filename": REQUIRED, "target_size": REQUIRED, "output_filename": None,
                                "resize_mode": "crop"},
    "wait_for": {"ids": REQUIRED, "timeout": 50, "download": False},
}
RESULTS = {
    "create_video": {"id", "completed_at", "created_at", "error", "expires_at", "model", "object", "progress", "prompt",
                     "remixed_from_video_id", "seconds", "size", "status"},
    "download_video": {"filename", "variant", "bytes", "sha256"},
    "list_videos": {"data", "has_more", "last"},
    "list_local_videos": {"data"},
    "delete_video": {"id", "deleted", "object"},
    "generate_image": {"filename", "size", "format", "model", "usage", "bytes", "sha256"},
    "create_image": {"id", "status", "created_at"},
    "download_image": {"filename", "size", "format", "bytes", "sha256"},
    "prepare_reference_image": {"output_filename", "original_size", "target_size", "resize_mode", "bytes", "sha256"},
}
RESULTS["get_video_status"] = RESULTS["remix_video"] = RESULTS["create_video"]
RESULTS["list_reference_images"], RESULTS["edit_image"] = RESULTS["list_local_videos"], RESULTS["generate_image"]
RESULTS["get_image_status"] = RESULTS["create_image"]
# Sets that are ours are closed; what a provider owns (model, size, seconds, quality) is an open string.
CLOSED = {("download_video", "variant"), ("list_videos", "order"), ("list_local_videos", "file_type"),
          ("generate_image", "output_format"), ("prepare_reference_image", "resize_mode"),
          ("list_reference_images", "sort_by"), ("edit_image", "input_fidelity")}
OPEN = {("create_video", "model"), ("create_video", "seconds"), ("create_video", "size"), ("generate_image", "model"),
        ("generate_image", "size"), ("generate_image", "quality"), ("create_image", "model"),
        ("prepare_reference_image", "target_size")}


def has(schema, keyword):
    return keyword in schema or any(has(each, keyword) for each in schema.get("anyOf", []))


class List(WithPlace):
    """tools/list."""

    def tools(self, **more):
        with Stdio(self.place, **more) as server:
            return {tool["name"]: tool for tool in server.ask("tools/list")["result"]["tools"]}

    def test_every_tool_is_listed_without_any_environment(self):
        tools = self.tools(env={})
        self.assertEqual(set(tools), set(TOOLS))
        self.assertEqual(list(tools), list(self.tools(env={}, version=None)))

    def test_listing_makes_no_folder(self):
        media = self.place.base / "elsewhere"
        self.tools(env=self.place.env(WEIR_MEDIA_DIR=str(media)))
        self.assertFalse((media / "images").exists() or (media / "videos").exists())

    def test_parameters_and_defaults(self):
        for name, tool in self.tools().items():
            schema = tool["inputSchema"]
            with self.subTest(tool=name):
                self.assertEqual(set(schema["properties"]), set(TOOLS[name]))
                self.assertEqual(set(schema.get("required", [])),
                                 {key for key, value in TOOLS[name].items() if value is REQUIRED})
                self.assertEqual((schema["type"], schema["additionalProperties"]), ("object", False))
                for key, default in TOOLS[name].items():
                    if default is not REQUIRED:
                        self.assertEqual(schema["properties"][key].get("default"), default, key)
                    self.assertTrue(schema["properties"][key].get("description"), key)

    def test_enums_only_where_the_set_is_ours(self):
        tools = self.tools()
        for name, key in CLOSED:
            self.assertTrue(has(tools[name]["inputSchema"]["properties"][key], "enum"), (name, key))
        for name, key in OPEN:
            self.assertFalse(has(tools[name]["inputSchema"]["properties"][key], "enum"), (name, key))

    def test_hints_titles_descriptions(self):
        for name, tool in self.tools().items():
            hints = tool["annotations"]
            with self.subTest(tool=name):
                for hint in ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"):
                    self.assertIsInstance(hints[hint], bool)
                reads = name.startswith(("get_", "list_"))
                self.assertEqual(hints["readOnlyHint"], reads)
                self.assertEqual(hints["destructiveHint"], name in ("delete_video", "cancel_video"))
                local = name in ("list_local_videos", "list_reference_images", "prepare_reference_image")
                self.assertEqual(hints["openWorldHint"], not local)
                self.assertTrue(tool["title"] and tool["description"])
                self.assertLess(len(tool["description"]), 2048)

    def test_results_are_described(self):
        tools = self.tools()
        for name, keys in RESULTS.items():
            schema = tools[name]["outputSchema"]
            self.assertEqual(schema["type"], "object")
            self.assertLessEqual(keys, set(schema["properties"]), name)

    def test_both_eras_and_both_transports_list_the_same(self):
        legacy = self.tools()
        modern = self.tools(version=None)
        with Http(self.place) as server:
            over_http = {tool["name"]: tool for tool in server.ask("tools/list")["result"]["tools"]}
        self.assertEqual(modern, over_http)
        self.assertEqual(legacy, modern)

    def test_instructions(self):
        with Stdio(self.place, handshake=False) as server:
            first = server.initialize()["result"]
            second = server.ask("server/discover", modern=True)["result"]
        self.assertEqual(first["instructions"], second["instructions"])
        self.assertLessEqual(len(first["instructions"]), 2000)
        self.assertEqual((first["serverInfo"]["name"], first["protocolVersion"]), ("weir", LEGACY))
        self.assertIn(MODERN, second["supportedVersions"])


class WrongCalls(WithPlace):
    """Each is refused by name, and the server goes on."""

    def setUp(self):
        super().setUp()
        self.server = Stdio(self.place)
        self.addCleanup(lambda: self.server.__exit__(None))

    def test_unknown_argument(self):
        text = self.server.bad("list_videos", {"limits": 3})
        self.assertIn("limits", text)
        self.assertIn("limit", text.replace("limits", ""))

    def test_every_tool_refuses_an_unknown_argument(self):
        for name in TOOLS:
            self.assertIn("no_such_argument", self.server.bad(name, {"no_such_argument": 1}))

    def test_missing_arguments_are_an_empty_object(self):
        for params in ({"name": "list_reference_images"}, {"name": "list_reference_images", "arguments": None}):
            result = self.server.ask("tools/call", params)["result"]
            self.assertEqual(result["structuredContent"], {"data": []})
        answer = self.server.ask("tools/call", {"name": "create_video"})["result"]
        self.assertTrue(answer["isError"])
        self.assertIn("prompt", answer["content"][0]["text"])

    def test_arguments_that_are_no_object(self):
        answer = self.server.ask("tools/call", {"name": "list_videos", "arguments": [1]})
        self.assertEqual(answer["error"]["code"], -32602)

    def test_limits(self):
        for name in ("list_videos", "list_local_videos", "list_reference_images"):
            for limit in (-1, 10**9, 10**30, 1.5, "many", True):
                self.assertIn("limit", self.server.bad(name, {"limit": limit}))
            self.assertEqual(self.server.good(name, {"limit": 0})["data"], [])

    def test_wrong_types(self):
        for tool, arguments, name in (
                ("create_video", {"prompt": 5}, "prompt"), ("create_video", {"prompt": None}, "prompt"),
                ("create_video", {"prompt": "x", "seconds": 4}, "seconds"), ("create_video", {"prompt": ""}, "prompt"),
                ("create_video", {"prompt": "x" * 40_000}, "prompt"), ("wait_for", {"ids": [1]}, "ids"),
                ("wait_for", {"ids": []}, "ids"), ("wait_for", {"ids": ["x"], "timeout": -1}, "timeout"),
                ("wait_for", {"ids": ["x"], "timeout": "long"}, "timeout"),
                ("wait_for", {"ids": ["x"], "download": "maybe"}, "download"),
                ("download_video", {"video_id": "x", "variant": "audio"}, "variant"),
                ("list_videos", {"order": "up"}, "order"), ("edit_image", {"prompt": "x", "input_images": []}, "input_images"),
                ("edit_image", {"prompt": "x", "input_images": ["a.png"] * 17}, "input_images"),
                ("create_image", {"prompt": "x", "tool_config": {"sizes": "1x1"}}, "sizes"),
                ("create_image", {"prompt": "x", "mask_filename": "m.png"}, "input_images"),
                ("generate_image", {"prompt": "x", "background": "transparent"}, "transparent"),
                ("prepare_reference_image", {"input_filename": "a.png", "target_size": "big"}, "target_size"),
                ("prepare_reference_image", {"input_filename": "a.png", "target_size": "0x0"}, "target_size"),
                ("prepare_reference_image", {"input_filename": "a.png", "target_size": "99999999999x1"}, "target_size"),
                ("prepare_reference_image", {"input_filename": "a.png", "target_size": "9x9", "resize_mode": "c"}, "resize_mode")):
            with self.subTest(tool=tool, arguments=str(arguments)[:60]):
                self.assertIn(name, self.server.bad(tool, arguments))

    def test_json_in_a_string_is_taken_where_no_string_belongs(self):
        text = self.server.bad("edit_image", {"prompt": "x", "input_images": "[\"a.png\"]"})
        self.assertIn("a.png", text)
        self.assertNotIn("input_images", text)

    def test_unknown_tool(self):
        answer = self.server.ask("tools/call", {"name": "make_coffee", "arguments": {}})
        self.assertEqual(answer["error"]["code"], -32602)
        self.assertIn("make_coffee", answer["error"]["message"])

    def test_unknown_ids(self):
        for tool, key in (("get_video_status", "video_id"), ("download_video", "video_id"), ("cancel_video", "video_id"),
                          ("delete_video", "video_id"), ("get_image_status", "response_id"),
                          ("download_image", "response_id")):
            for handle in ("video_nope", "../../etc/passwd", "a\u0000b", "x" * 200):
                self.server.bad(tool, {key: handle})
        self.assertIn("previous", self.server.bad("remix_video", {"prompt": "x", "previous_video_id": "x" * 300}))

    def test_the_text_is_the_whole_result(self):
        self.place.picture("a.png")
        result = self.server.call("list_reference_images")
        listed = {tool["name"]: tool for tool in self.server.ask("tools/list")["result"]["tools"]}
        self.assertEqual(problems(listed["list_reference_images"]["outputSchema"], result["structuredContent"]), [])
        self.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])


if __name__ == "__main__":
    unittest.main()
