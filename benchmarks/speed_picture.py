"""Draw how the cost grows, as an SVG for a light and a dark page."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from math import ceil, floor, log10

Curve = Mapping[str, float]
Panel = tuple[str, str, Mapping[str, Curve]]
"""The title, the unit, and the curves by their names: count -> value."""

WIDTH, HEIGHT, LEFT, TOP, GAP = 340, 190, 56, 46, 76
COLOURS = ("first", "second")

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


class Scale:
    """Where a count and a value are in a panel; both scales are logarithmic."""

    def __init__(self, x: int, y: int, curves: Iterable[Curve]) -> None:
        """Take the corner of a panel, and all that is drawn in it."""
        every = [(int(count), v) for curve in curves for count, v in curve.items()]
        self.x, self.y = x, y
        self.counts = sorted({count for count, _ in every})
        values = [value for _, value in every]
        self.powers = range(floor(log10(min(values))), ceil(log10(max(values))) + 1)

    def across(self, count: int) -> float:
        """Return how far to the right a count is."""
        least, most = self.counts[0], self.counts[-1]
        return round(self.x + WIDTH * log10(count / least) / log10(most / least), 1)

    def down(self, value: float) -> float:
        """Return how far down a value is."""
        least, most = self.powers[0], self.powers[-1]
        share = (log10(value) - least) / (most - least)
        return round(self.y + HEIGHT * (1 - share), 1)


def _panel(x: int, y: int, panel: Panel) -> list[str]:
    title, unit, curves = panel
    scale = Scale(x, y, curves.values())
    parts = [f'<text class="title" x="{x}" y="{y - 26}">{escape(title)}</text>']
    parts += _grid(scale, unit)
    for number, (name, curve) in enumerate(curves.items()):
        place = f'x="{x + number * WIDTH // 2}" y="{y - 9}"'
        parts.append(f'<text class="{COLOURS[number]}" {place}>{escape(name)}</text>')
        parts += _curve(scale, COLOURS[number], curve)
    return parts


def _grid(scale: Scale, unit: str) -> Iterator[str]:
    x = scale.x
    for power in scale.powers:
        y = scale.down(10**power)
        yield f'<path class="grid" d="M{x} {y}h{WIDTH}"/>'
        yield f'<text x="{x - 52}" y="{y + 4}">{10.0**power:g} {unit}</text>'
    for count in scale.counts:
        anchor = "end" if count == scale.counts[-1] else "middle"
        place = f'x="{scale.across(count)}" y="{scale.y + HEIGHT + 18}"'
        short = f"{count:,}".replace(",000,000", "M").replace(",000", "k")
        yield f'<text text-anchor="{anchor}" {place}>{short}</text>'


def _curve(scale: Scale, colour: str, curve: Curve) -> Iterator[str]:
    points = [(scale.across(int(n)), scale.down(value)) for n, value in curve.items()]
    line = " ".join(f"{x},{y}" for x, y in points)
    yield f'<polyline class="{colour}" points="{line}"/>'
    for x, y in points:
        yield f'<circle class="{colour}" cx="{x}" cy="{y}" r="3"/>'
