"""Tasks that wait for a function that does nothing on a thread, again and again: anyio.to_thread or run_in_executor.

  python_threads.py anyio|executor WAITERS THREADS SECONDS
"""
import asyncio
import concurrent.futures
import json
import sys
import time

FORM, WAITERS, THREADS, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
WARM = 0.1


def nothing_much():
    return 1


async def waiters(hop):
    taken, spent = [], {}
    start = time.perf_counter() + WARM
    end = start + SECONDS

    async def waiter():
        begin = time.perf_counter()
        while True:
            await hop()
            now = time.perf_counter()
            if begin < start:
                if now >= start and "from" not in spent:
                    spent["from"] = now, time.process_time()
            elif now < end:
                taken.append(now - begin)
            else:
                spent.setdefault("to", (now, time.process_time()))
                return
            begin = now

    await asyncio.gather(*(waiter() for _ in range(WAITERS)))
    taken.sort()
    wall, cpu = (to - since for since, to in zip(spent["from"], spent["to"]))
    print(json.dumps({"per_second": len(taken) / wall, "p50_us": taken[len(taken) // 2] * 1e6,
                      "p99_us": taken[len(taken) * 99 // 100] * 1e6, "cpu_us": cpu / len(taken) * 1e6}))


async def with_anyio():
    import anyio
    limiter = anyio.CapacityLimiter(THREADS)
    await waiters(lambda: anyio.to_thread.run_sync(nothing_much, limiter=limiter))


async def with_executor():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        await waiters(lambda: loop.run_in_executor(pool, nothing_much))


asyncio.run(with_anyio() if FORM == "anyio" else with_executor())
