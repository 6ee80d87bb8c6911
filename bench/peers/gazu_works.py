"""One work against a Kitsu server with gazu.aio, as its page shows it, measured from after the login until before the logout.

  gazu_works.py WORK < {"host", "email", "password", ...}      prints {"wall", "cpu", "peak_mib", "done", ...}
"""
import asyncio
import json
import os
import resource
import sys
import time

import gazu.aio


async def one_by_one(client, _):
    projects = await gazu.aio.fetch_all("projects/open", client=client)
    lists = await asyncio.gather(*[gazu.aio.fetch_all(f"projects/{project['id']}/shots", client=client)
                                   for project in projects])
    shots = [shot for shots in lists for shot in shots]
    tasks = await asyncio.gather(*[gazu.aio.get(f"data/shots/{shot['id']}/tasks", client=client) for shot in shots])
    for shot, of_shot in zip(shots, tasks):
        shot["tasks"] = of_shot
    return {"done": sum(len(shot["tasks"]) for shot in shots)}


async def at_once(client, _):
    """There is no function for this route, but the general one."""
    projects = await gazu.aio.fetch_all("projects/open", client=client)
    lists = await asyncio.gather(*[gazu.aio.get("data/shots/with-tasks", params={"project_id": project["id"]}, client=client)
                                   for project in projects])
    return {"done": sum(len(shot["tasks"]) for shots in lists for shot in shots)}


async def updates(client, asked):
    rows = await asyncio.gather(*[gazu.aio.put(f"data/tasks/{task}", {"priority": asked["priority"]}, client=client)
                                  for task in asked["tasks"]])
    return {"done": sum(row["priority"] == asked["priority"] for row in rows)}


async def downloads(client, asked):
    await asyncio.gather(*[gazu.aio.download(one["path"], os.path.join(asked["folder"], one["name"]), client=client)
                           for one in asked["files"]])
    return {"done": len(asked["files"])}


async def uploads(client, asked):
    """An upload of 1.3.1 raises TypeError when the server has stored the file: counted as done, and as raised."""
    async def one(preview):
        try:
            await gazu.aio.upload(f"pictures/preview-files/{preview}", asked["picture"], client=client)
            return 0
        except TypeError:
            return 1
    raised = await asyncio.gather(*[one(preview) for preview in asked["previews"]])
    return {"done": len(raised), "raised": sum(raised)}


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mib():
    """Not ru_maxrss: there the program that started this one counts as well."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024


async def main(work, asked):
    # The page leaves out the "await", without which this raises TypeError.
    async with await gazu.aio.create_session(asked["host"], asked["email"], asked["password"]) as client:
        cpu, begin = cpu_seconds(), time.perf_counter()
        got = await work(client, asked)
        wall, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "peak_mib": peak_mib(), **got}))


asyncio.run(main({"one_by_one": one_by_one, "at_once": at_once, "updates": updates, "downloads": downloads,
                  "uploads": uploads}[sys.argv[1]], json.load(sys.stdin)))
