"""What a server such as gunicorn loads: `{{ cookiecutter.program_name }}.wsgi:app`."""

import sys

from flask import Flask

from . import create_app
from .db import engines
from .settings import PREFIX, SettingError, make_data_folder


def production_app() -> Flask:
    """Make the app that strangers reach, which signs what it keeps in a browser.

    :raises SettingError: for a setting that is missing, or cannot be used.
    """
    app = create_app()
    with app.app_context():
        for engine in engines().values():
            make_data_folder(engine.url)
    if not (app.config["SECRET_KEY"] or app.debug or app.testing):
        raise SettingError(
            f"{PREFIX}SECRET_KEY is not set. Set it to what this prints, and keep it:"
            ' python -c "import secrets; print(secrets.token_hex())"'
        )
    return app


try:
    app = production_app()
except SettingError as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(4)  # gunicorn stops at this status; after any other it tries for ever
