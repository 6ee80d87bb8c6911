"""Figures, and the three ways to print them."""
import json

from . import say

BEGIN, END = "<!-- bench/compare begins -->", "<!-- bench/compare ends -->"
NO_PEER = "none"


class Results:
    def __init__(self, as_json):
        self.as_json = as_json
        self.rows = []  # figures and notes, in order
        self.versions = []
        self.failures = 0

    def figure(self, group, work, unit, ours, peer=None, peer_name=NO_PEER, target=None, lower_is_better=True,
               same_run=True):
        """One comparison. The ratio says how many times better ours is, whichever way is better."""
        ratio = None
        if ours and peer:
            ratio = peer / ours if lower_is_better else ours / peer
        row = {"group": group, "work": work, "unit": unit, "ours": rounded(ours), "peer": rounded(peer),
               "peer_name": peer_name, "ratio": rounded(ratio), "target": target, "lower_is_better": lower_is_better}
        self.rows.append(row)
        if self.as_json:
            print(json.dumps(row), flush=True)
        else:
            say(f"  {work}: {show(row['ours'])} {unit}" +
                (f", {peer_name} {show(row['peer'])}" if peer is not None else ""))

    def version(self, text):
        self.versions.append(text)

    def note(self, group, text):
        """What belongs beside the table: what was not measured and why, what was checked."""
        self.rows.append({"group": group, "note": text})
        say(text)

    def failed(self, group, text):
        """Something that was checked and is wrong: the command ends with 1."""
        self.failures += 1
        self.note(group, "WRONG: " + text)


def rounded(value):
    return None if value is None else float(f"{value:.4g}")


def show(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def show_ratio(row):
    return "-" if row["ratio"] is None else f"{row['ratio']:.3g}x"


HEAD = ["work", "unit", "weir", "peer", "peer is", "times better", "target"]


def cells(row):
    return [row["work"], row["unit"], show(row["ours"]), show(row["peer"]), row["peer_name"], show_ratio(row),
            row["target"] or "-"]


def groups_of(results):
    names = list(dict.fromkeys(row["group"] for row in results.rows))
    for name in names:
        mine = [row for row in results.rows if row["group"] == name]
        yield name, [row for row in mine if "work" in row], [row["note"] for row in mine if "note" in row]


def plain(results, facts):
    lines = []
    for name, rows, notes in groups_of(results):
        table = [HEAD, *map(cells, rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
        lines += ["", name, ""]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
        lines += ["", *notes]
    lines += ["", *(f"{key}: {text}" for key, text in facts)]
    return "\n".join(lines).strip("\n")


def markdown(results, facts):
    lines = [f"* {key}: {text}" for key, text in facts]
    for name, rows, notes in groups_of(results):
        lines += ["", f"### {name}", "", "| " + " | ".join(HEAD) + " |", "|---|---|---:|---:|---|---:|---|"]
        lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
        if notes:
            lines += ["", *(f"* {note}" for note in notes)]
    return "\n".join(lines)


def into_file(path, text):
    """Replaces what stands between the marks; a file without marks gets them at its end."""
    try:
        with open(path) as file:
            before = file.read()
    except FileNotFoundError:
        before = ""
    if BEGIN in before and END in before:
        head, rest = before.split(BEGIN, 1)
        tail = rest.split(END, 1)[1]
    else:
        head, tail = (before.rstrip("\n") + "\n\n" if before else ""), "\n"
    with open(path, "w") as file:
        file.write(f"{head}{BEGIN}\n{text}\n{END}{tail}")
