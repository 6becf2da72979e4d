"""What a server such as gunicorn loads: `{{ cookiecutter.program_name }}.wsgi:app`."""

import sys

from . import create_app
from .db import engines
from .settings import SettingError, make_data_folder

try:
    app = create_app()
    with app.app_context():
        for engine in engines().values():
            make_data_folder(engine.url)
except SettingError as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(4)  # gunicorn stops at this status; after any other it tries for ever
