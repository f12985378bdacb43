#!/usr/bin/env python3
"""test/bench/grid_report.py LINES MARKDOWN SVG: from the lines of test/bench/path_cell.sh that test/bench/grid has collected
to a table for README.md and a picture. Of a cell that was measured twice, the later one counts.
test/bench/grid_report.py --readme LINES README SVG: the table takes the place of what README has between its marks."""
import math
import re
import sys
from html import escape

ALWAYS = ["udt4", "iperf3-cubic", "iperf3-bbr", "hx-L"]
WHO = ["udt4", "iperf3-cubic", "iperf3-bbr", "iperf3-bbr-tuned", "scp-cubic", "rsync-cubic", "hx-cp", "hx-L"]  # hx is drawn last
CALLED = {"udt4": "plain UDT4", "iperf3-cubic": "TCP cubic", "iperf3-bbr": "TCP BBR", "iperf3-bbr-tuned": "BBR, 64 MB",
          "scp-cubic": "scp, cubic", "rsync-cubic": "rsync, cubic", "hx-L": "hx -L", "hx-cp": "hx cp"}
KEYS = ["line", "queue", "rtt", "loss", "jitter", "reorder", "policer", "beside"]
LATE = 5  # per cent of the wire's packets: what is above tells of the machine
MARKS = "<!-- grid -->", "<!-- end of grid -->"


def read(path):
    """What the first line tells of the machine, and {cell: {what: {key: value}}}, a cell being the values of KEYS."""
    machine, cells = "", {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("# "):
                machine = line[2:].strip()
            told = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
            if "what" in told and "second50" not in told:  # that one has something beside it
                cells.setdefault(tuple(told.get(key, "0") for key in KEYS), {})[told["what"]] = told
    return machine, cells


def plain(cells):
    """Those of the grid itself, sorted: without a limit last."""
    chosen = []
    for cell, told in cells.items():
        named = dict(zip(KEYS, cell))
        alone = named["jitter"] == named["reorder"] == "0" and named["policer"] == named["beside"] == "none"
        if alone and "hx-L" in told:
            chosen.append((named, told))
    return sorted(chosen, key=lambda c: [math.inf if c[0]["line"] == "none" else float(c[0]["line"])] +
                  [float(c[0][key]) for key in ("queue", "rtt", "loss")])


def present(rows):
    """Who was measured anywhere."""
    return [who for who in WHO if who in ALWAYS or any(who in told for _, told in rows)]


def title(named):
    path = f"{named['rtt']} ms, {named['loss']} %"
    return path if named["line"] == "none" else f"{named['line']} Mbit/s, {named['queue']} ms; {path}"


def is_late(told):
    return float(told.get("late", 0)) > LATE


# --- the table -----------------------------------------------------------------------------------------------------

def digits(value):
    """Three digits: 0.41, 2.36, 11.8, 57."""
    return f"{value:.{max(0, 2 - int(math.floor(math.log10(value))) if value >= 1 else 2)}f}" if value > 0 else "0"


def carried(told):
    if told is None:
        return ""
    text = digits(float(told["rate"]))
    if told.get("share", "-") != "-":
        text += f" ({100 * float(told['share']):.0f} %)"
    return text + ("\\*" if is_late(told) else "")


def number(told, key, digits_after=0):
    """Of one of them; nothing where nothing has arrived."""
    return "-" if told is None or "failed" in told else f"{float(told[key]):.{digits_after}f}"


def table(head, rows, columns):
    """columns: of what a row was told, their texts."""
    yield "| line Mbit/s, its queue ms; round trip ms, loss % | " + " | ".join(head) + " |"
    yield "|" + "---|" * (1 + len(head))
    for named, told in rows:
        path = title(named) if named["line"] != "none" else f"no limit; {title(named)}"
        yield f"| {path} | " + " | ".join(columns(told)) + " |"
    yield ""


def markdown(machine, cells):
    rows = plain(cells)
    who = present(rows)
    yield from table([f"{CALLED[w]}, MB/s" for w in who], rows, lambda told: [carried(told.get(w)) for w in who])
    names = ", ".join(CALLED[w] for w in ALWAYS)
    yield from table(
        [f"round trip under load, p50 / p95, ms: {CALLED[ALWAYS[0]]}"] + [CALLED[w] for w in ALWAYS[1:]] +
        [f"bytes on the wire for each: {names}", f"CPU s/GB: {names}"], rows,
        lambda told: [f"{number(told.get(w), 'rtt50')} / {number(told.get(w), 'rtt95')}" for w in ALWAYS] +
        [", ".join(number(told.get(w), key, after) for w in ALWAYS) for key, after in (("wire", 2), ("cpu", 1))])
    yield f"Measured with {machine or 'an unknown machine'}; all after the first 3 s."
    if any(is_late(one) for _, told in rows for one in told.values()):
        yield f"\\*: the wire itself held more than {LATE} % of the packets 1 ms too long, which tells of the machine, not of the path."


# --- the picture ---------------------------------------------------------------------------------------------------

LABEL, PANEL, GAP, ROW, TOP = 250, 300, 40, 20, 74
COLOURS = {"udt4": ("#b45309", "#f59e0b"), "iperf3-cubic": ("#6b7280", "#9ca3af"), "iperf3-bbr": ("#2563eb", "#60a5fa"),
           "iperf3-bbr-tuned": ("#2563eb", "#60a5fa"), "scp-cubic": ("#7c3aed", "#c4b5fd"), "rsync-cubic": ("#be185d", "#f472b6"),
           "hx-cp": ("#047857", "#34d399"), "hx-L": ("#047857", "#34d399")}  # on a light ground, on a dark one
SHAPES = {  # from the mark's middle: told apart without colours, too
    "udt4": "m-5 4h10l-5 -9z", "iperf3-cubic": "m-4 -4l8 8m0 -8l-8 8", "iperf3-bbr": "m-4.5 -4.5h9v9h-9z",
    "iperf3-bbr-tuned": "m0 -6l6 6l-6 6l-6 -6z", "scp-cubic": "m-5 -4h10l-5 9z", "rsync-cubic": "m-5 0h10m-5 -5v10",
    "hx-cp": "m-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z", "hx-L": "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"}


def mark(who, x, y, late=False):
    return f'<path class="{who}{" late" if late else ""}" d="M{x:.1f} {y:g}{SHAPES[who]}"/>'


class Axis:
    def __init__(self, left, low, high, ticks, log):
        self.left, self.low, self.high, self.ticks, self.log = left, low, high, ticks, log

    def x(self, value):
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.left + PANEL * (value - low) / (high - low)

    def draw(self, title_text, top, bottom):
        yield f'<text class="head" x="{self.left}" y="{top - 26}">{escape(title_text)}</text>'
        for tick in self.ticks:
            x = self.x(tick)
            yield f'<path class="line" d="M{x:.1f} {top - 4}V{bottom}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{top - 9}">{tick:g}</text>'


def style(who):
    rules = []
    for dark in (0, 1):
        ink, line, ground = (("#1f2937", "#d1d5db"), ("#e5e7eb", "#4b5563"))[dark] + (("#ffffff", "#0d1117")[dark],)
        part = f"text{{fill:{ink}}}.line{{stroke:{line}}}.ground{{fill:{ground}}}"
        for one in who:
            colour = COLOURS[one][dark]
            part += f".{one}{{stroke:{colour};fill:{colour if one == 'hx-L' else 'none'};stroke-width:1.7}}"
        rules.append(f"@media (prefers-color-scheme:dark){{{part}}}" if dark else part)
    return "<style>text{font:12px system-ui,sans-serif}.head{font-weight:600}.tick{text-anchor:middle;font-size:11px}" \
           ".name{text-anchor:end}.line{fill:none}.late{opacity:.45}" + "".join(rules) + "</style>"


def block(rows, top, panels):
    """One table of marks: panels are (axis, title, unit, value of what was told)."""
    bottom = top + ROW * len(rows)
    what = "round trip, loss" if rows[0][0]["line"] == "none" else "line, its queue; round trip, loss"
    yield f'<text class="head name" x="{LABEL - 14}" y="{top - 26}">{what}</text>'
    for axis, head, _ in panels:
        yield from axis.draw(head, top, bottom)
    for i, (named, told) in enumerate(rows):
        y = top + ROW * i + ROW // 2
        arrived = [who for who in WHO if who in told and "failed" not in told[who]]
        heard = "; ".join(f"{CALLED[who]} " + ", ".join(digits(value(told[who])) for _, _, value in panels) for who in arrived)
        yield f'<g><title>{escape(title(named))}: {heard}</title><text class="name" x="{LABEL - 14}" y="{y + 4}">{escape(title(named))}</text>'
        for axis, _, value in panels:
            yield f'<path class="line" d="M{axis.left} {y}h{PANEL}" stroke-dasharray="1 4"/>' + \
                "".join(mark(who, axis.x(value(told[who])), y, is_late(told[who])) for who in arrived)
        yield "</g>"


def described(rows, machine):
    """What somebody is told who does not see the picture."""
    shares = [float(told["hx-L"]["share"]) for named, told in rows if named["line"] != "none" and "failed" not in told["hx-L"]]
    yield f"{len(rows)} paths, a row each: round trip, loss, line and queue; for each a mark of " + ", ".join(CALLED[w] for w in present(rows))
    if shares:
        yield f"hx uses {min(shares):.2f} to {max(shares):.2f} of the lines, in the middle {sorted(shares)[len(shares) // 2]:.2f}"
    yield f"Measured with {machine or 'an unknown machine'}. The numbers are in the table of README.md"


def picture(machine, cells):
    rows = plain(cells)
    limited = [c for c in rows if c[0]["line"] != "none"]
    free = [c for c in rows if c[0]["line"] == "none"]
    second = LABEL + PANEL + GAP
    width = second + PANEL + 30
    body, y, x = [], TOP, 20
    for who in present(rows):
        body += [mark(who, x, 18), f'<text x="{x + 12}" y="22">{CALLED[who]}</text>']
        x += 108
    body.append('<text x="20" y="44">pale: the machine was late, not the path</text>')
    if limited:
        body += block(limited, y + 20, [
            (Axis(LABEL, 0, 1, [0, 0.25, 0.5, 0.75, 1], False), "share of the line, after 3 s", lambda t: float(t["share"])),
            (Axis(second, 1, 1000, [1, 3, 10, 30, 100, 300, 1000], True), "queue: added to the round trip, p95, ms",
             lambda t: max(float(t["rtt95"]) - float(t["base"]), 1))])
        y += 20 + ROW * len(limited) + 60
    if free:
        body += block(free, y + 20, [
            (Axis(LABEL, 0.1, 300, [0.1, 1, 10, 100], True), "without a limit: MB/s, after 3 s", lambda t: float(t["rate"])),
            (Axis(second, 1, 300, [1, 3, 10, 30, 100, 300], True), "CPU s/GB, both ends", lambda t: float(t["cpu"]))])
        y += 20 + ROW * len(free) + 10
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" role="img" aria-labelledby="t d">' \
           f'<title id="t">plain UDT4, TCP and hx on paths of many kinds</title><desc id="d">{escape(". ".join(described(rows, machine)))}.</desc>' \
           f'{style(present(rows))}<rect class="ground" width="{width}" height="{y}" rx="6"/>\n' + "\n".join(body) + "\n</svg>\n"


def main():
    into_readme = sys.argv[1] == "--readme"
    lines, shown, drawn = sys.argv[-3:]
    machine, cells = read(lines)
    text = "\n".join(markdown(machine, cells)) + "\n"
    if into_readme:
        with open(shown, encoding="utf-8") as readme:
            before, rest = readme.read().split(MARKS[0] + "\n", 1)
        text = f"{before}{MARKS[0]}\n\n{text}\n{MARKS[1]}{rest.split(MARKS[1], 1)[1]}"
    with open(shown, "w", encoding="utf-8") as out:
        out.write(text)
    with open(drawn, "w", encoding="utf-8") as out:
        out.write(picture(machine, cells))


main()
