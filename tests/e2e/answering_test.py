"""The server answers while it works: nothing that takes long may stand before a cheap question."""

import gc
import os
import threading
import time
import unittest

from weir_client import Http, PATIENCE, Stdio, WithPlace, text_of

PREPARES, LONGEST = 40, 1.0  # seconds; on an idle machine it is a few milliseconds


class Nap:
    """Sleeps of 10 ms; `late` is how much longer the machine let one of them last."""

    late = 0.0

    def __call__(self):
        begin = time.monotonic()
        time.sleep(0.01)
        self.late = max(self.late, time.monotonic() - begin - 0.01)


class Answering(WithPlace):
    def setUp(self):
        super().setUp()
        self.place.jpeg("photo.jpg", 4000, 3000)
        for i in range(45):
            os.mkfifo(self.place.images / f"pipe{i}.png")
        gc.disable()  # thousands of parsed answers: its pauses would be counted as the server's
        self.addCleanup(gc.enable)
        self.nap = Nap()

    def report(self, name, waits):
        waits.sort()
        print(f"{name}: {len(waits)} asked, p50 {waits[len(waits) // 2] * 1000:.1f} ms, "
              f"p99 {waits[len(waits) * 99 // 100] * 1000:.1f} ms, longest {waits[-1] * 1000:.1f} ms; "
              f"this test's own naps were late by {self.nap.late * 1000:.1f} ms at most")
        self.assertGreater(len(waits), 50)
        self.assertLess(waits[-1], LONGEST + 5 * self.nap.late)

    def work(self):
        """What is asked for at once: 40 photographs to prepare, 45 pipes that nobody writes to."""
        return ([{"input_filename": "photo.jpg", "target_size": "1280x720"}] * PREPARES
                + [{"input_filename": f"pipe{i}.png", "target_size": "1280x720"} for i in range(45)])

    def test_list_on_stdio(self):
        with Stdio(self.place) as server:
            jobs = [server.request("tools/call", {"name": "prepare_reference_image", "arguments": a}) for a in self.work()]
            asked = {}
            while not all(number in server.answers for number in jobs):
                asked[time.monotonic()] = server.request("tools/list")
                self.nap()
            results = [server.wait(number)["result"] for number in jobs]
            waits = [(server.wait(number) and server.arrived[number]) - begin for begin, number in asked.items()]
        self.assertEqual([r.get("isError", False) for r in results], [False] * PREPARES + [True] * 45)
        self.report("stdio", waits)

    def test_list_on_http(self):
        with Http(self.place) as web:
            results, waits = {}, []

            def prepare(i, arguments):
                results[i] = web.call("prepare_reference_image", arguments)
            threads = [threading.Thread(target=prepare, args=each) for each in enumerate(self.work())]
            [t.start() for t in threads]
            while any(t.is_alive() for t in threads):
                begin = time.monotonic()
                self.assertEqual(len(web.ask("tools/list")["result"]["tools"]), 16)
                waits.append(time.monotonic() - begin)
                self.nap()
            [t.join(PATIENCE) for t in threads]
        for i in range(PREPARES):
            self.assertFalse(results[i].get("isError"), text_of(results[i]))
        self.report("http", waits)

    def test_short_calls_pass_long_ones(self):
        """Lists and pictures are not behind the queue of photographs; nor is reading a resource."""
        with Stdio(self.place) as server:
            jobs = [server.request("tools/call", {"name": "prepare_reference_image", "arguments": a}) for a in self.work()[:PREPARES]]
            begin = time.monotonic()
            server.good("list_reference_images")
            server.good("list_videos")
            server.ask("resources/list")
            self.assertLess(time.monotonic() - begin, 10)
            self.assertFalse(all(number in server.answers for number in jobs))
            for number in jobs:
                self.assertFalse(server.wait(number)["result"].get("isError"))

    def test_memory_of_40_photographs(self):
        with Stdio(self.place) as server:
            server.good("list_reference_images")
            before = server.status("VmHWM")
            for number in [server.request("tools/call", {"name": "prepare_reference_image", "arguments": a})
                           for a in self.work()[:PREPARES]]:
                server.wait(number)
            grown = (server.status("VmHWM") - before) >> 10
            print(f"40 photographs of 12 MP: {grown} MB more at most")
            self.assertLess(grown, 300)  # decoded at once: 1.4 GB


if __name__ == "__main__":
    unittest.main()
