"""Draw how the cost grows, as an SVG for a light and a dark page."""

from collections.abc import Mapping
from html import escape
from math import log10

Curve = Mapping[str, float]
Panel = tuple[str, str, Mapping[str, Curve]]
"""The title, the unit, and the curves by their names: count -> value."""

WIDTH, HEIGHT, LEFT, TOP, GAP = 340, 190, 56, 46, 76
COLOURS = ("first", "second")
LINE = 16

STYLE = (
    "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}"
    ".page{fill:#fff}.grid{stroke:#ddd}polyline{fill:none;stroke-width:2}"
    ".first{stroke:#2a6fb0}.second{stroke:#c33}"
    "circle.first,text.first{fill:#2a6fb0;stroke:none}"
    "circle.second,text.second{fill:#c33;stroke:none}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#0d1117}"
    ".grid{stroke:#333}.first{stroke:#6cb0f0}.second{stroke:#f08080}"
    "circle.first,text.first{fill:#6cb0f0}circle.second,text.second{fill:#f08080}}"
)


def draw(panels: list[Panel]) -> str:
    """Return a picture with a panel for each of what grows, side by side."""
    wide, high = LEFT + len(panels) * (WIDTH + GAP) - 20, TOP + HEIGHT + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{wide}" height="{high}"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(LEFT + number * (WIDTH + GAP), TOP, panel)
    return "\n".join([*parts, "</svg>", ""])


def _panel(x: int, y: int, panel: Panel) -> list[str]:
    title, unit, curves = panel
    counts = sorted({int(count) for curve in curves.values() for count in curve})
    values = [value for curve in curves.values() for value in curve.values()]
    least = 10 ** int(log10(min(values)) // 1)
    most = 10 ** int(-(-log10(max(values)) // 1))

    def across(count: int) -> float:
        span = log10(counts[-1] / counts[0])
        return round(x + WIDTH * log10(count / counts[0]) / span, 1)

    def above(value: float) -> float:
        return round(y + HEIGHT * (1 - log10(value / least) / log10(most / least)), 1)

    parts = [f'<text class="title" x="{x}" y="{y - 26}">{escape(title)}</text>']
    tick = least
    while tick <= most * 1.001:
        at = above(tick)
        end = x + WIDTH
        parts.append(f'<line class="grid" x1="{x}" x2="{end}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{x - 50}" y="{at + 4}">{tick:g} {unit}</text>')
        tick *= 10
    for count in counts:
        anchor = "end" if count == counts[-1] else "middle"
        place = f'x="{across(count)}" y="{y + HEIGHT + LINE + 2}"'
        parts.append(f'<text text-anchor="{anchor}" {place}>{count:,}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number]
        points = [(across(int(n)), above(value)) for n, value in curve.items()]
        line = " ".join(f"{left},{top}" for left, top in points)
        parts.append(f'<polyline class="{colour}" points="{line}"/>')
        parts += [
            f'<circle class="{colour}" cx="{left}" cy="{top}" r="3"/>'
            for left, top in points
        ]
        at = f'x="{x + number * WIDTH // 2}" y="{y - 9}"'
        parts.append(f'<text class="{colour}" {at}>{escape(name)}</text>')
    return parts
