"""What bench/processes/main.cpp measures, done by anyio.to_process or by ProcessPoolExecutor.

  python_processes.py anyio|executor hops WAITERS WORKERS SECONDS
  python_processes.py anyio|executor start
  python_processes.py anyio|executor payload MIB TIMES
  python_processes.py anyio kill TIMES
"""
import asyncio
import concurrent.futures
import glob
import json
import os
import statistics
import sys
import time

WARM = 0.1


def nothing_much():
    return 1


def give_back(data):
    return data


def never_ends():
    while True:
        pass


def family_cpu_us(pid=None):
    """Processor time of this process and of all that descend from it and live."""
    pid = pid or os.getpid()
    try:
        spent = time.clock_gettime((~pid << 3) | 2) * 1e6
        for name in glob.glob(f"/proc/{pid}/task/*/children"):
            with open(name) as file:
                spent += sum(family_cpu_us(int(child)) for child in file.read().split())
    except OSError:  # it has just ended
        return 0
    return spent


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


async def hops(call, waiters, seconds):
    await asyncio.gather(*(call(nothing_much) for _ in range(8)))
    taken, spent = [], {}
    start = time.perf_counter() + WARM
    end = start + seconds

    async def waiter():
        begin = time.perf_counter()
        while True:
            await call(nothing_much)
            now = time.perf_counter()
            if begin < start:
                if now >= start and "from" not in spent:
                    spent["from"] = time.perf_counter(), family_cpu_us()
            elif now < end:
                taken.append(now - begin)
            else:
                spent.setdefault("to", (now, family_cpu_us()))
                return
            begin = now

    await asyncio.gather(*(waiter() for _ in range(waiters)))
    wall, cpu = (to - since for since, to in zip(spent["from"], spent["to"]))
    return {"per_second": len(taken) / wall, "p50_us": quantile(taken, 0.5) * 1e6, "p99_us": quantile(taken, 0.99) * 1e6,
            "cpu_us": cpu / len(taken)}


async def start(call):
    begin = time.perf_counter()
    await call(nothing_much)
    first = time.perf_counter() - begin
    busy = asyncio.ensure_future(call(time.sleep, 1))
    await asyncio.sleep(0.2)
    begin = time.perf_counter()
    await call(nothing_much)  # the one worker is busy: another one is started
    one_more = time.perf_counter() - begin
    await busy
    return {"first_us": first * 1e6, "one_more_us": one_more * 1e6}


async def payload(call, mib, times):
    data, taken = bytes(mib << 20), []
    for _ in range(2):
        await call(give_back, data)
    cpu = family_cpu_us()
    for _ in range(times):
        begin = time.perf_counter()
        await call(give_back, data)
        taken.append((time.perf_counter() - begin) * 1e6)
    return {"p50_us": statistics.median(taken), "p99_us": quantile(taken, 0.99), "cpu_us": (family_cpu_us() - cpu) / times}


async def kill(times):
    import anyio
    from anyio import to_process
    late = []
    for _ in range(times):
        await to_process.run_sync(nothing_much)
        begin = time.perf_counter()
        with anyio.move_on_after(0.1):
            await to_process.run_sync(never_ends, cancellable=True)
        late.append((time.perf_counter() - begin - 0.1) * 1e6)
    return {"late_p50_us": statistics.median(late), "late_max_us": max(late)}


async def measure(call, what, rest):
    if what == "hops":
        return await hops(call, int(rest[0]), float(rest[2]))
    if what == "start":
        return await start(call)
    if what == "payload":
        return await payload(call, int(rest[0]), int(rest[1]))
    return await kill(int(rest[0]))


async def main(form, what, *rest):
    workers = int(rest[1]) if what == "hops" else 2
    if form == "anyio":
        import anyio
        from anyio import to_process
        limiter = anyio.CapacityLimiter(workers)
        return await measure(lambda *job: to_process.run_sync(*job, limiter=limiter), what, rest)
    loop = asyncio.get_running_loop()
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        return await measure(lambda *job: loop.run_in_executor(pool, *job), what, rest)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
