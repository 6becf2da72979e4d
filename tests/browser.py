"""Chromium, driven as its user would, with no profile and no traffic of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REBOUND = "rebound.example"
"""A name that somebody else has pointed at this machine."""

PHONE, DESKTOP = 390, 1280
EXPECTED = (
    "Failed to load resource: the server responded with a status of",
    "The Cross-Origin-Opener-Policy header has been ignored",
)
"""What the console says of an error on purpose, and of any page without HTTPS."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser; without one the test is skipped."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the path: apt-get install chromium")
    rule = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, rule]
        )
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser, url: str, *, width: int = DESKTOP, dark: bool = False
) -> Iterator[Page]:
    """Open a page in a fresh profile; it may ask no other site, nor break its policy.

    :param url: the server's address.
    :param width: of the window, in pixels.
    :param dark: whether the person prefers dark pages.
    """
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
    )
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            wrong.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith((url, "data:", f"http://{REBOUND}:")):
            wrong.append(request.url)

    page = context.new_page()
    page.on("console", hear)
    page.on("request", watch)
    page.goto("/")
    yield page
    context.close()
    assert not wrong, wrong


def barriers(page: Page) -> str:
    """Return what axe-core says keeps somebody from using a page; empty is good."""
    found = Axe().run(page)
    return found.generate_report() if found.violations_count else ""


def overflow(page: Page) -> int:
    """Return how many pixels of a page are to the right of the window."""
    wide: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return wide
