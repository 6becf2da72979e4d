"""The app as a whole: its settings, and that these tests keep to themselves."""

from pathlib import Path

import pytest

from {{ cookiecutter.program_name }} import create_app, settings

VARIABLE = settings.url_variable()


def test_three_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """I see where a value comes from: a default, the environment, then the test's."""
    url = {"DATABASE_URL": "sqlite://"}
    default = create_app(url).config["MAX_CONTENT_LENGTH"]
    monkeypatch.setenv(f"{settings.PREFIX}MAX_CONTENT_LENGTH", "7")
    assert create_app(url).config["MAX_CONTENT_LENGTH"] == 7
    of_test = create_app({**url, "MAX_CONTENT_LENGTH": 8})
    assert of_test.config["MAX_CONTENT_LENGTH"] == 8
    assert default not in {7, 8}


def test_a_bad_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """My URL is wrong: the message names the variable and keeps the password."""
    monkeypatch.setenv(VARIABLE, "postgresql://me:secret#@host:port/name")
    with pytest.raises(settings.SettingError, match=VARIABLE) as caught:
        create_app()
    assert "secret" not in str(caught.value)


def test_your_own_database_is_safe(own_folder: Path) -> None:
    """I run the tests beside my own `.env` and data, and they stay as they are."""
    assert set(settings.variables()) == set()
    assert str(own_folder) in str(settings.database_url())
