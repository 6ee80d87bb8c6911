"""Looks into a folder without a pause and counts what should never be seen there.

  watcher.py FOLDER BYTES     until its input ends; then one line of JSON

A sighting is a name whose file has another size than BYTES at that moment. A file of the right size is read at first
sight, so that one that was only stretched to its size is found out by its digest."""
import hashlib
import json
import os
import select
import sys


def main():
    folder, size = sys.argv[1], int(sys.argv[2])
    scans, sightings, names, digests = 0, 0, set(), {}
    print("watching", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        scans += 1
        for entry in os.scandir(folder):
            try:
                if entry.stat(follow_symlinks=False).st_size != size:
                    sightings += 1
                    names.add(entry.name)
                elif entry.name not in digests:
                    with open(entry.path, "rb") as file:
                        digests[entry.name] = hashlib.sha256(file.read()).hexdigest()
            except FileNotFoundError:
                continue
    print(json.dumps({"scans": scans, "sightings": sightings, "names": sorted(names)[:5], "digests": digests}))


main()
