"""The page in a real browser: by hand, by keyboard, on a phone, in the dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import DESKTOP, PHONE, REBOUND, barriers, chromium, overflow, visit
from playwright.sync_api import Browser, Page, expect
from rendering import Project, generated
from serving import serving

DEBUG = ("--debug", "--no-reload")
BUTTON = "Upgrade the database"
LONGEST = "Wolfeschlegelsteinhausenbergerdorff" * 2
NAME = "    name: Mapped[str] = mapped_column(String(100))\n"
ADDRESS = "    address: Mapped[str | None] = mapped_column(String(200))\n"
LAYERS = {
    "flask_sqlalchemy": "one",
    "flask_sqlalchemy_lite": "several",
    "sqlalchemy": "several",
}
each_look = pytest.mark.parametrize(
    ("width", "dark"),
    [(PHONE, False), (PHONE, True), (DESKTOP, False), (DESKTOP, True)],
    ids=["phone-light", "phone-dark", "desktop-light", "desktop-dark"],
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def url(project: Project) -> Iterator[str]:
    """Give the address of a migrated app."""
    project.alembic("upgrade", "head")
    with serving(project) as url:
        yield url


def add(page: Page, name: str, city: str = "", hobbies: str = "") -> None:
    """Fill in the form and press the button."""
    for label, text in {"Name": name, "City": city, "Hobbies": hobbies}.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Add friend").click()


def test_i_add_a_friend(browser: Browser, url: str) -> None:
    """I see that nobody is there, add a friend, and see her with all that I wrote."""
    with visit(browser, url) as page:
        expect(page.get_by_text("Nobody here yet.")).to_be_visible()
        add(page, "Ada", "London", "chess, go")
        card = page.get_by_role("listitem").filter(has_text="Ada")
        expect(card.get_by_role("heading", name="Ada")).to_be_visible()
        expect(card).to_contain_text("London")
        hobbies = card.get_by_role("list", name="Hobbies")
        expect(hobbies.get_by_role("listitem")).to_have_text(["chess", "go"])
        expect(page.get_by_label("Name")).to_have_value("")
        page.reload()
        expect(page.get_by_role("heading", name="Ada")).to_have_count(1)


def test_i_am_told_what_is_wrong(browser: Browser, url: str) -> None:
    """I leave the name blank: the field says so, and the rest of it is still there."""
    with visit(browser, url) as page:
        add(page, "", "Linz")
        expect(page.locator("input:invalid")).to_have_count(1)
        expect(page.get_by_role("alert")).to_have_count(0)
        add(page, "  ", "Linz")
        expect(page.get_by_role("alert")).to_have_text(
            "The friend was not added yet: see below."
        )
        expect(page).to_have_title("Not added: Friend Book")
        name = page.get_by_label("Name")
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(name).to_have_accessible_description("Enter a name.")
        expect(page.get_by_label("City")).to_have_value("Linz")
        assert barriers(page) == ""


def test_i_have_no_mouse(browser: Browser, url: str) -> None:
    """I use the keyboard alone, and always see where I am."""
    with visit(browser, url) as page:
        stops = []
        for typed in ("", "Ada", "London", "chess"):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.id"))
            outline = page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle"
            )
            assert outline == "solid"
            page.keyboard.type(typed)
        assert stops == ["", "name", "city", "hobbies"]
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Ada")).to_be_visible()


@each_look
def test_it_fits_and_can_be_read(
    browser: Browser, url: str, *, width: int, dark: bool
) -> None:
    """Whatever my screen and my eyes, nothing is cut off, and nothing is too faint."""
    with visit(browser, url, width=width, dark=dark) as page:
        add(page, LONGEST, LONGEST, f"{LONGEST}, chess")
        expect(page.get_by_role("heading", name=LONGEST)).to_be_visible()
        page.wait_for_load_state()  # the style sheet comes after the words
        form, friends = page.locator("form"), page.locator("section")
        left, right = form.bounding_box(), friends.bounding_box()
        assert left
        assert right
        beside = right["x"] >= left["x"] + left["width"]
        assert beside == (width == DESKTOP)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(22, 24, 29)") == dark
        for path in ("/", "/nothing"):
            page.goto(path)
            assert overflow(page) == 0
            assert barriers(page) == ""


@each_look
def test_the_pending_page_can_be_read(
    browser: Browser, project: Project, *, width: int, dark: bool
) -> None:
    """I forgot to upgrade, on any screen: I can read what to do."""
    with (
        serving(project, *DEBUG) as url,
        visit(browser, url, width=width, dark=dark) as page,
    ):
        expect(page.get_by_role("button", name=BUTTON)).to_be_visible()
        assert overflow(page) == 0
        assert barriers(page) == ""


@pytest.mark.parametrize("layer", LAYERS)
def test_the_button_upgrades(browser: Browser, layer: str, tmp_path: Path) -> None:
    """I press the button of the pending page, whatever my layer, and go on working."""
    databases = LAYERS[layer]
    project = generated(tmp_path, database_layer=layer, databases=databases)
    with serving(project, *DEBUG) as url, visit(browser, url) as page:
        page.get_by_role("button", name=BUTTON).click()
        expect(page.get_by_text("Nobody here yet.")).to_be_visible()
        add(page, "Ada")
        expect(page.get_by_role("heading", name="Ada")).to_be_visible()
    status = project.run("flask", "db", "status").stdout
    assert "  pending  " not in status
    assert "match the database" in status


def test_i_edited_a_model(browser: Browser, project: Project) -> None:
    """I added a column and drafted nothing: I read which, and what to type."""
    project.alembic("upgrade", "head")
    project.edit("models.py", NAME + "    city_id", NAME + ADDRESS + "    city_id")
    with serving(project, *DEBUG) as url, visit(browser, url) as page:
        title = page.get_by_role("heading", name="The models and the database differ")
        expect(title).to_be_visible()
        expect(page.get_by_role("listitem")).to_have_text(
            "friend.address: column added"
        )
        assert barriers(page) == ""
        project.run("flask", "db", "migrate", "-m", "friends have an address")
        page.reload()
        page.get_by_role("button", name=BUTTON).click()
        expect(page.get_by_text("Nobody here yet.")).to_be_visible()


def test_another_site_presses_nothing(browser: Browser, project: Project) -> None:
    """I read another site beside my app: it cannot migrate, nor add a friend."""
    with serving(project, *DEBUG) as url, visit(browser, url) as page:
        for path in ("/", "/pending/upgrade"):
            page.goto("data:text/html,elsewhere")
            page.set_content(f'<form method="post" action="{url}{path}"><button>')
            page.get_by_role("button").click()
            expect(page.get_by_role("heading", name="Forbidden")).to_be_visible()
        port = url.rpartition(":")[2]
        page.goto(f"http://{REBOUND}:{port}/")
        expect(page.get_by_role("heading", level=2)).to_contain_text("waits for 1")
        expect(page.get_by_role("button")).to_have_count(0)
        asked = "fetch('/pending/upgrade', {method: 'POST'}).then(got => got.status)"
        assert page.evaluate(asked) == 403
    assert "  pending  " in project.run("flask", "db", "status").stdout
