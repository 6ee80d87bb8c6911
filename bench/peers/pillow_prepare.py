"""What Sanzaru does with a picture, with Pillow: the same arguments and output as weir-bench-prepare."""
import json
import re
import sys
import time

from PIL import Image


def prepare(source, target, width, height):
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    across, down = image.size
    if across / down > width / height:
        size = int(across * (height / down)), height
    else:
        size = width, int(down * (width / across))
    image = image.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    image.crop((left, top, left + width, top + height)).save(target, "PNG")


def main():
    source, target, size, count = sys.argv[1:5]
    width, height = map(int, size.split("x"))
    cpu, wall = [], []
    for _ in range(int(count)):
        before, start = time.process_time(), time.perf_counter()
        prepare(source, target, width, height)
        cpu.append((time.process_time() - before) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    with open(target, "rb") as file:
        size = file.seek(0, 2)
    with open("/proc/self/status") as file:  # not ru_maxrss, which is inherited from the process that started this one
        status = file.read()
    print(json.dumps({"cpu_ms": cpu, "wall_ms": wall, "bytes": size,
                      "peak_kib": int(re.search(r"VmHWM:\s*(\d+)", status).group(1))}))


main()
