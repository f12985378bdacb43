#!/usr/bin/env python3
"""test/bench/grid_shown.py LINES MARKDOWN SVG: whether the picture is one that a browser shows anywhere, and whether it and the
table show each path that LINES tell of. Says what is not so, and fails."""
import re
import sys
import xml.etree.ElementTree as xml

SVG = "{http://www.w3.org/2000/svg}"
LARGEST, ROW_LARGEST = 5000, 1800  # bytes: 60 KB with 30 paths
wrong = []


def want(holds, what):
    if not holds:
        wrong.append(what)


def paths(lines):
    """As they are called in both, and who was measured there without something beside it. The order is not looked at."""
    found = {}
    for line in lines:
        told = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
        others = [told.get(key, "0") for key in ("jitter", "reorder", "policer", "beside")]
        if "what" not in told or others != ["0", "0", "none", "none"] or "second50" in told:
            continue
        path = f"{told['rtt']} ms, {told['loss']} %"
        if told["line"] != "none":
            path = f"{told['line']} Mbit/s, {told['queue']} ms; {path}"
        found.setdefault(path, {})[told["what"]] = "failed" not in told
    return {path: who for path, who in found.items() if "hx-L" in who}


def check_picture(text, rows):
    root = xml.fromstring(text)
    want(len(text) < LARGEST + ROW_LARGEST * len(rows), f"the picture has {len(text)} bytes")
    want(root.find(SVG + "title") is not None and len(root.findtext(SVG + "desc", "")) > 40, "no title, or no description")
    want("prefers-color-scheme:dark" in text, "nothing for a dark ground")
    for word in ("<script", "href", "url(", "@import", "<image", "<foreignObject"):
        want(word not in text, f"the picture has {word}")
    groups = {g.findtext(SVG + "text"): g for g in root.iter(SVG + "g")}
    want(set(groups) == set(rows), f"the picture's rows are {sorted(groups)}, not {sorted(rows)}")
    for path, who in rows.items():
        for what, arrived in who.items():
            marks = [m for m in groups[path].iter(SVG + "path") if what in m.get("class", "").split()] if path in groups else []
            want(len(marks) == (2 if arrived else 0), f"{path}: {len(marks)} marks of {what}")


def check_tables(text, rows):
    tables = re.findall(r"(?:^\|.*\n)+", text, re.M)
    want(len(tables) == 2, f"{len(tables)} tables")
    for table in tables:
        firsts = [line.split("|")[1].strip().removeprefix("no limit; ") for line in table.splitlines()[2:]]
        want(sorted(firsts) == sorted(rows), f"a table's rows are {sorted(firsts)}, not {sorted(rows)}")


def main():
    lines, table, drawn = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
    rows = paths(lines.splitlines())
    want(rows, "no path was measured")
    check_tables(table, rows)
    check_picture(drawn, rows)
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


main()
