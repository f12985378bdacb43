#!/usr/bin/env python3
"""test/bench/grid_report.py LINES MARKDOWN SVG: from the lines of test/bench/path_cell.sh that test/bench/grid has collected
to a table for README.md and a picture. Of a cell that was measured twice, the later one counts."""
import math
import re
import sys
from html import escape

WHO = ["udt4", "iperf3-cubic", "iperf3-bbr", "hx-L"]
CALLED = {"udt4": "plain UDT4", "iperf3-cubic": "TCP cubic", "iperf3-bbr": "TCP BBR", "hx-L": "hx"}
KEYS = ["line", "queue", "rtt", "loss", "jitter", "reorder", "policer", "beside"]


def read(path):
    """{cell: {what: {key: value}}}, a cell being the values of KEYS, in the order of the file."""
    cells = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            told = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
            if "what" in told and "rtt95" in told:
                cells.setdefault(tuple(told.get(key, "0") for key in KEYS), {})[told["what"]] = told
    return cells


def plain(cells):
    """Those of the grid itself, sorted: without a limit last."""
    chosen = []
    for cell, told in cells.items():
        named = dict(zip(KEYS, cell))
        alone = named["jitter"] == named["reorder"] == "0" and named["policer"] == named["beside"] == "none"
        if alone and all(who in told for who in WHO):
            chosen.append((named, told))
    return sorted(chosen, key=lambda c: [math.inf if c[0]["line"] == "none" else float(c[0]["line"])] +
                  [float(c[0][key]) for key in ("queue", "rtt", "loss")])


def title(named):
    path = f"{named['rtt']} ms, {named['loss']} %"
    return path if named["line"] == "none" else f"{named['line']} Mbit/s, {named['queue']} ms; {path}"


# --- the table -----------------------------------------------------------------------------------------------------

def rate(told):
    """Three digits: 0.41, 2.36, 11.8, 57."""
    value = float(told["rate"])
    return f"{value:.{max(0, 2 - int(math.floor(math.log10(value))) if value >= 1 else 2)}f}" if value > 0 else "0"


def markdown(cells):
    yield "| line, Mbit/s | queue, ms | round trip, ms | loss, % | " + " | ".join(CALLED[w] for w in WHO) + \
        " | of the line | round trip under load, p50 / p95: " + " | ".join(CALLED[w] for w in WHO) + \
        " | wire: UDT4, hx | CPU s/GB: UDT4, BBR, hx |"
    yield "|" + "---|" * 15
    for named, told in plain(cells):
        limited = named["line"] != "none"
        row = [named["line"] if limited else "none", named["queue"] if limited else "", named["rtt"], named["loss"]]
        row += [rate(told[who]) for who in WHO]
        row.append(f"{100 * float(told['hx-L']['share']):.0f} %" if limited else "")
        row += [f"{float(told[who]['rtt50']):.0f} / {float(told[who]['rtt95']):.0f}" for who in WHO]
        row.append(", ".join(f"{float(told[who]['wire']):.2f}" for who in ("udt4", "hx-L")))
        row.append(", ".join(f"{float(told[who]['cpu']):.0f}" for who in ("udt4", "iperf3-bbr", "hx-L")))
        yield "| " + " | ".join(row) + " |"


# --- the picture ---------------------------------------------------------------------------------------------------

LABEL, PANEL, GAP, ROW, TOP = 250, 300, 40, 20, 74
COLOURS = {"udt4": ("#b45309", "#f59e0b"), "iperf3-cubic": ("#6b7280", "#9ca3af"), "iperf3-bbr": ("#2563eb", "#60a5fa"),
           "hx-L": ("#047857", "#34d399")}  # on a light ground, on a dark one


def mark(who, x, y):
    """Told apart without colours, too."""
    return {
        "udt4": f'<path class="{who}" d="M{x - 5:.1f} {y + 4:.1f}h10l-5 -9z"/>',
        "iperf3-cubic": f'<path class="{who}" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>',
        "iperf3-bbr": f'<rect class="{who}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>',
        "hx-L": f'<circle class="{who}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>',
    }[who]


class Axis:
    def __init__(self, left, low, high, ticks, log, unit):
        self.left, self.low, self.high, self.ticks, self.log, self.unit = left, low, high, ticks, log, unit

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
            yield f'<text class="tick" x="{x:.1f}" y="{top - 9}">{tick:g}{self.unit}</text>'


def style():
    rules = []
    for dark in (0, 1):
        ink, line = (("#1f2937", "#d1d5db"), ("#e5e7eb", "#4b5563"))[dark]
        part = f"text{{fill:{ink}}}.line{{stroke:{line}}}"
        for who, pair in COLOURS.items():
            filled = who in ("udt4", "hx-L")
            part += f".{who}{{stroke:{pair[dark]};fill:{pair[dark] if who == 'hx-L' else 'none'};" \
                    f"stroke-width:{'1.6' if filled else '1.8'}}}"
        rules.append(f"@media (prefers-color-scheme:dark){{{part}}}" if dark else part)
    return "<style>text{font:12px system-ui,sans-serif}.head{font-weight:600}.tick{text-anchor:middle;font-size:11px}" \
           ".name{text-anchor:end}.line{fill:none}" + "".join(rules) + "</style>"


def block(rows, top, panels):
    """One table of marks: panels are (axis, title, value of what was told)."""
    bottom = top + ROW * len(rows)
    what = "round trip, loss" if rows[0][0]["line"] == "none" else "line, its queue; round trip, loss"
    yield f'<text class="head name" x="{LABEL - 14}" y="{top - 26}">{what}</text>'
    for axis, head, _ in panels:
        yield from axis.draw(head, top, bottom)
    for i, (named, told) in enumerate(rows):
        y = top + ROW * i + ROW / 2
        yield f'<text class="name" x="{LABEL - 14}" y="{y + 4:.1f}">{escape(title(named))}</text>'
        for axis, _, value in panels:
            yield f'<path class="line" d="M{axis.left} {y:.1f}h{PANEL}" stroke-dasharray="1 4"/>'
            for who in WHO:
                yield mark(who, axis.x(value(told[who], named)), y)


def picture(cells):
    limited = [c for c in plain(cells) if c[0]["line"] != "none"]
    free = [c for c in plain(cells) if c[0]["line"] == "none"]
    second = LABEL + PANEL + GAP
    width = second + PANEL + 30
    body, y = [], TOP
    x = 20
    for who in WHO:
        body += [mark(who, x, 18), f'<text x="{x + 12}" y="22">{CALLED[who]}</text>']
        x += 130
    wait = [1, 3, 10, 30, 100, 300, 1000]

    def queued(told, _):
        return max(float(told["rtt95"]) - float(told["base"]), 1)

    if limited:
        body += block(limited, y + 20, [
            (Axis(LABEL, 0, 1, [0, 0.25, 0.5, 0.75, 1], False, ""), "share of the line, after 3 s", lambda t, _: float(t["share"])),
            (Axis(second, 1, 1000, wait, True, ""), "added to the round trip, p95, ms", queued)])
        y += 20 + ROW * len(limited) + 60
    if free:
        body += block(free, y + 20, [
            (Axis(LABEL, 0.1, 300, [0.1, 1, 10, 100], True, ""), "without a limit: MB/s, after 3 s", lambda t, _: float(t["rate"])),
            (Axis(second, 1, 300, [1, 3, 10, 30, 100, 300], True, ""), "CPU s/GB, both ends", lambda t, _: float(t["cpu"]))])
        y += 20 + ROW * len(free) + 10
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}">' \
           f'<title>plain UDT4, TCP and hx on paths of many kinds</title>{style()}\n' + "\n".join(body) + "\n</svg>\n"


def main():
    cells = read(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("\n".join(markdown(cells)) + "\n")
    with open(sys.argv[3], "w", encoding="utf-8") as out:
        out.write(picture(cells))


main()
