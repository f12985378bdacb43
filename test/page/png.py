"""PNG (ISO/IEC 15948) made small: a picture of a page has few colours."""

import collections
import struct
import zlib

COLOURS = 256


def _chunks(data):
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += size + 12


def _rows(data, width, height, depth):
    """The filters' work undone (9.2)."""
    stride = width * depth
    above = bytearray(stride)
    for y in range(height):
        kind = data[y * (stride + 1)]
        row = bytearray(data[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride if kind else 0):
            left = row[x - depth] if x >= depth else 0
            up = above[x]
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            else:
                corner = above[x - depth] if x >= depth else 0
                estimate = left + up - corner
                guess = min((left, up, corner), key=lambda value: abs(estimate - value))
            row[x] = (row[x] + guess) & 255
        yield row
        above = row


def _distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(one, other))


def shrink(data):
    """The same picture in at most 256 colours: those that are seen most, and of each kind one; without transparency."""
    parts = collections.defaultdict(bytes)
    for kind, body in _chunks(data):
        parts[kind] += body
    width, height, bits, colour_type = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    depth = {2: 3, 6: 4}[colour_type]
    assert bits == 8
    pixels = []
    for row in _rows(zlib.decompress(parts[b"IDAT"]), width, height, depth):
        pixels.append([bytes(row[x:x + 3]) for x in range(0, width * depth, depth)])
    count = collections.Counter(colour for row in pixels for colour in row)
    seen = [colour for colour, _ in count.most_common()]
    kinds = {tuple(value >> 6 for value in colour): colour for colour in reversed(seen)}  # some of each, if only a few
    palette = list(dict.fromkeys([*kinds.values(), *seen]))[:COLOURS]
    place = {colour: i for i, colour in enumerate(palette)}
    for colour in count:
        if colour not in place:
            place[colour] = min(range(len(palette)), key=lambda i: _distance(colour, palette[i]))
    lines = b"".join(b"\0" + bytes(place[colour] for colour in row) for row in pixels)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)) +
            chunk(b"PLTE", b"".join(palette)) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))
