"""Draw how long each write took while a table was migrated, as an SVG."""

from collections.abc import Mapping
from html import escape
from math import log10
from typing import Protocol

from live_changes import CHANGES
from live_traffic import Request


class HasWrites(Protocol):
    """What is drawn of a migration."""

    written: list[Request]


WIDTH, HEIGHT, LEFT, TOP, GAP = 460, 150, 60, 54, 46
LEAST, MOST = 0.001, 20.0
"""Seconds at the bottom and at the top of the scale, which is logarithmic."""

TICKS = {0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1: "1 s", 10: "10 s"}
DRAWN = ("index", "narrower", "drop")
"""The changes that are drawn: one picture with all of them would show nothing."""

STYLE = (
    "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
    ".line{stroke:#ddd}.bar{stroke:#c33;stroke-dasharray:3 3}"
    "path{stroke-width:2}.write{stroke:#2a6fb0}.error{stroke:#c33}"
)


def draw(kept: Mapping[str, Mapping[str, Mapping[str, HasWrites]]]) -> str:
    """Return a picture with a row for each change and a panel for each way.

    :param kept: by server, by change and by way, what was measured.
    """
    rows = [
        (f"{server}: {CHANGES[change].title}", ways)
        for server, found in kept.items()
        for change, ways in found.items()
        if change in DRAWN
    ]
    columns = max((len(ways) for _, ways in rows), default=1)
    wide = LEFT + columns * (WIDTH + GAP)
    high = TOP + len(rows) * (HEIGHT + GAP + 20)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{wide}" height="{high}" fill="white"/>',
    ]
    for line, (title, ways) in enumerate(rows):
        y = TOP + line * (HEIGHT + GAP + 20)
        for column, (way, measured) in enumerate(ways.items()):
            x = LEFT + column * (WIDTH + GAP)
            parts += _panel(x, y, f"{title}, {way}", measured.written)
    return "\n".join([*parts, "</svg>", ""])


def _panel(x: int, y: int, title: str, written: list[Request]) -> list[str]:
    parts = [f'<text class="title" x="{x}" y="{y - 10}">{escape(title)}</text>']
    for seconds, words in TICKS.items():
        at = y + _height(seconds)
        kind = "bar" if seconds == 0.1 else "line"  # noqa: PLR2004  the promise
        parts.append(
            f'<line class="{kind}" x1="{x}" x2="{x + WIDTH}" y1="{at}" y2="{at}"/>'
        )
        parts.append(f'<text x="{x - 48}" y="{at + 4}">{words}</text>')
    if not written:
        return parts
    begin = written[0].begin
    whole = max(written[-1].begin + written[-1].seconds - begin, 1)
    for kind, path in _paths(x, y, written, begin, whole).items():
        parts.append(f'<path class="{kind}" d="{path}"/>')
    parts.append(f'<text x="{x}" y="{y + HEIGHT + 16}">0 s</text>')
    end = f"{whole:.0f} s"
    parts.append(f'<text x="{x + WIDTH - 24}" y="{y + HEIGHT + 16}">{end}</text>')
    return parts


def _paths(
    x: int, y: int, written: list[Request], begin: float, whole: float
) -> dict[str, str]:
    """Return a line for each pixel from left to right, as high as the longest write."""
    worst: dict[tuple[str, int], Request] = {}
    for request in written:
        kind = "error" if request.error else "write"
        place = kind, int(WIDTH * (request.begin - begin) / whole)
        if place not in worst or worst[place].seconds < request.seconds:
            worst[place] = request
    paths = {"write": "", "error": ""}
    for (kind, left), request in worst.items():
        wide = max(1, round(WIDTH * request.seconds / whole))
        paths[kind] += f"M{x + left} {y + _height(request.seconds)}h{wide}"
    return {kind: path for kind, path in paths.items() if path}


def _height(seconds: float) -> float:
    """Return how far below the top of a panel a time is."""
    share = log10(min(max(seconds, LEAST), MOST) / LEAST) / log10(MOST / LEAST)
    return round(HEIGHT * (1 - share), 1)
