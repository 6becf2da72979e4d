"""The site of these pages: `sphinx-build -W -b dirhtml docs build/site`."""

import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent / "{{cookiecutter.program_name}}")
)

import alembic_lossless

project = "alembic-lossless"
author = "the authors of flask-alembic-template"
release = alembic_lossless.__version__
extensions = ["myst_parser"]
myst_heading_anchors = 4
# A page says what its blocks of code are.
highlight_language = "none"
html_theme = "furo"
html_title = f"alembic-lossless {release}"
html_static_path: list[str] = []
