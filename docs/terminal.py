"""A real terminal to type in, and a picture of its screen as SVG text."""

import os
import pty
import select
import time
from collections.abc import Iterator, Mapping
from fcntl import ioctl
from itertools import groupby
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ
from xml.sax.saxutils import escape

import pyte
from pyte.screens import Char

COLUMNS, ROWS = 100, 70
CELL_WIDTH, CELL_HEIGHT, SIZE, MARGIN, BAR = 8.4, 19, 14, 16, 34
BACKGROUND, FOREGROUND, EDGE = "#161b22", "#e6edf3", "#3d444d"
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
COLOURS = {
    "black": "#484f58",
    "red": "#ff7b72",
    "green": "#56d364",
    "brown": "#e3b341",
    "blue": "#79c0ff",
    "magenta": "#d2a8ff",
    "cyan": "#76e3ea",
    "white": "#b1bac4",
    "brightblack": "#8b949e",
    "default": FOREGROUND,
}
PROMPT = "$ "


class Terminal:
    """A shell in a pseudo-terminal, and what its screen shows."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Start a shell.

        :param folder: where it starts.
        :param environment: all of its variables.
        """
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        process, self.channel = pty.fork()
        if not process:
            os.chdir(folder)
            shell = {"PS1": PROMPT, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
            os.execvpe("bash", ["bash", "--norc"], {**environment, **shell})  # noqa: S606, S607
        ioctl(self.channel, TIOCSWINSZ, pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.wait(PROMPT)

    def run(self, command: str, *answers: tuple[str, str]) -> None:
        """Type a command, answer what it asks, and wait for the next prompt.

        :param answers: what a question's line ends with, and what to type there.
        """
        self.type(command)
        for question, answer in answers:
            self.wait(question)
            self.type(answer)
        self.wait(PROMPT)

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        before = self.screen.cursor.y
        os.write(self.channel, f"{line}\n".encode())
        while self.screen.cursor.y == before:
            self._read(60)

    def wait(self, ending: str, seconds: float = 120) -> None:
        """Wait until the cursor stands right behind a text.

        :raises TimeoutError: with what the screen shows instead.
        """
        end = time.monotonic() + seconds
        while not self._before_cursor().endswith(ending):
            if time.monotonic() > end:
                raise TimeoutError(f"no {ending!r} on:\n{self.text()}")
            self._read(1)
        self._read(0.3)

    def clear(self) -> None:
        """Empty the screen but for a prompt."""
        self.screen.reset()
        os.write(self.channel, b"\n")
        self.wait(PROMPT)
        self.screen.reset()
        self.screen.draw(PROMPT)

    def text(self) -> str:
        """Return what the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def save(self, file: Path, title: str, replace: Mapping[str, str]) -> None:
        """Write the screen as a picture, without its last prompt.

        :param title: what the picture shows, for those who cannot see it.
        :param replace: texts to show otherwise, such as the name of a temporary folder.
        """
        rows = [self.screen.buffer[row] for row in range(self.screen.cursor.y)]
        lines = [[row[column] for column in range(COLUMNS)] for row in rows]
        file.write_text(picture(lines, title, replace))

    def _before_cursor(self) -> str:
        cursor = self.screen.cursor
        line: str = self.screen.display[cursor.y]
        return line[: cursor.x]

    def _read(self, seconds: float) -> None:
        while select.select([self.channel], [], [], seconds)[0]:
            self.stream.feed(os.read(self.channel, 65536))
            seconds = 0.05


def picture(lines: list[list[Char]], title: str, replace: Mapping[str, str]) -> str:
    """Return an SVG that shows lines of a terminal on a ground of its own."""
    width = round(COLUMNS * CELL_WIDTH + 2 * MARGIN)
    height = len(lines) * CELL_HEIGHT + BAR + MARGIN
    dots = "".join(
        f'<circle cx="{MARGIN + 5 + 18 * number}" cy="17" r="5" fill="{colour}"/>'
        for number, colour in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    runs = "\n".join(
        run for number, line in enumerate(lines) for run in _runs(line, number, replace)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}"
  width="{width}" height="{height}" font-family="{FONT}" font-size="{SIZE}">
<title>{escape(title)}</title>
<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"
  fill="{BACKGROUND}" stroke="{EDGE}"/>
{dots}
{runs}
</svg>
"""


def _runs(line: list[Char], number: int, replace: Mapping[str, str]) -> Iterator[str]:
    """Yield the parts of a line that look alike, each at its column."""
    top = number * CELL_HEIGHT + BAR + SIZE
    column = 0
    for (colour, bold), signs in groupby(line, lambda sign: (sign.fg, sign.bold)):
        text = "".join(sign.data for sign in signs)
        left, column = column, column + len(text)
        for old, new in replace.items():
            text = text.replace(old, new)
        text = text.rstrip() if column == COLUMNS else text
        if text.strip():
            weight = ' font-weight="bold"' if bold else ""
            # Spaces of the usual kind would be collapsed.
            shown = escape(text).replace(" ", "\N{NO-BREAK SPACE}")
            yield (
                f'<text x="{MARGIN + left * CELL_WIDTH:.1f}" y="{top}"'
                f' fill="{COLOURS.get(colour, FOREGROUND)}"{weight}'
                f' textLength="{len(text) * CELL_WIDTH:.1f}">{shown}</text>'
            )
