"""What a server such as gunicorn loads: `{{ cookiecutter.program_name }}.wsgi:app`."""

import sys
from collections.abc import Iterator

from flask import Flask

from . import create_app
from .db import engines
from .settings import PREFIX, RUNS_ON, SettingError, make_data_folder, unset_server


def production_app() -> Flask:
    """Make the app that strangers reach, on the database that production has.

    :raises SettingError: for each setting that is missing, or one that is unusable.
    """
    app = create_app()
    with app.app_context():
        for engine in engines().values():
            make_data_folder(engine.url)
        missing = [] if app.debug or app.testing else list(unset(app))
    if missing:
        raise SettingError("\nError: ".join(missing))
    return app


def unset(app: Flask) -> Iterator[str]:
    """Say which settings production needs that are not there."""
    if not app.config["SECRET_KEY"]:
        yield (
            f"{PREFIX}SECRET_KEY is not set. Set it to what this prints, and keep it:"
            ' python -c "import secrets; print(secrets.token_hex())"'
        )
    for name, engine in engines().items():
        if variable := unset_server(name, engine.url):
            server = RUNS_ON[0].partition(">=")[0]
            yield (
                f"{variable} is not set, and production runs on {server}. Set it to the"
                f" database's URL, like {server}://user:password@host/name"
            )


try:
    app = production_app()
except SettingError as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(4)  # gunicorn stops at this status; after any other it tries for ever
