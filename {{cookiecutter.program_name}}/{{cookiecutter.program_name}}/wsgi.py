"""What a server such as gunicorn loads: `{{ cookiecutter.program_name }}.wsgi:app`."""

import sys

from . import create_app
from .settings import SettingError

try:
    app = create_app()
except SettingError as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(4)  # gunicorn stops at this status; after any other it tries for ever
