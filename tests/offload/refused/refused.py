"""refused.py COMPILER INCLUDE_FOLDER: what cannot be sent to a worker process is refused, each line of cases.cpp with
its words, nothing else is, and no other complaint of the compiler drowns them."""

import re
import subprocess
import sys
from pathlib import Path

compiler, include = sys.argv[1:3]
source = Path(__file__).with_name("cases.cpp")
done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-ferror-limit=0", "-ftemplate-backtrace-limit=0",
                       "-fno-caret-diagnostics", "-fno-color-diagnostics", "-w", "-I", include, str(source)],
                      capture_output=True, text=True)
complaints = re.split(r"(?m)^(?=[^\n]*: (?:fatal )?error: )", done.stderr)[1:]
faults = [] if complaints else [f"nothing was refused:\n{done.stderr}"]
claimed = set()
cases = 0
for number, line in enumerate(source.read_text().splitlines(), 1):
    marked = re.search(r"//\s*refused:\s*(.*)", line)
    if not marked:
        continue
    cases += 1
    words = [w.strip() for w in marked[1].split(" | ")]
    here = [i for i, c in enumerate(complaints) if f"cases.cpp:{number}:" in c]
    claimed.update(here)
    if not any(words[0] in complaints[i].split("\n")[0] and all(w in complaints[i] for w in words[1:]) for i in here):
        told = "\n".join(complaints[i] for i in here) or "not refused at all"
        faults.append(f"cases.cpp:{number}: expected {words}, but: {told}")
for i, complaint in enumerate(complaints):
    if i not in claimed:
        faults.append(f"a complaint that no case expects: {complaint}")
    elif "static assertion failed" not in complaint.split("\n")[0]:
        faults.append(f"not plain words: {complaint}")
if cases < 20:
    faults.append(f"only {cases} cases were found in {source}")
print("\n".join(faults) or f"{cases} cases are refused in plain words")
sys.exit(1 if faults else 0)
