"""The site of these pages: `sphinx-build -W -b dirhtml docs build/site`.

A name of Alembic or SQLAlchemy in a page leads to their documentation. The pages stay
what GitHub shows: no role stands in them. A build asks no network, so the inventories
are made here, of the names below.
"""

import sys
import zlib
from pathlib import Path
from tempfile import mkdtemp

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent / "{{cookiecutter.program_name}}")
)

import alembic_lossless

project = "alembic-lossless"
author = "the authors of flask-alembic-template"
release = alembic_lossless.__version__
extensions = ["myst_parser", "sphinx.ext.intersphinx"]
nitpicky = True
myst_heading_anchors = 4
# A page says what its blocks of code are.
highlight_language = "none"
html_theme = "furo"
html_title = f"alembic-lossless {release}"
html_static_path: list[str] = []
# What is ours is looked at by the build itself, with -W.
linkcheck_ignore = ["https://github.com/org/.*"]

OTHERS = {
    "alembic": (
        "https://alembic.sqlalchemy.org/en/latest/",
        {
            "Config": "api/config alembic.config.Config",
            "MigrationContext": "api/runtime"
            " alembic.runtime.migration.MigrationContext",
            "Operations": "ops alembic.operations.Operations",
            "Script": "api/script alembic.script.Script",
            "ScriptDirectory": "api/script alembic.script.ScriptDirectory",
            "context.configure": "api/runtime"
            " alembic.runtime.environment.EnvironmentContext.configure",
        },
    ),
    "sqlalchemy": (
        "https://docs.sqlalchemy.org/en/21/",
        {
            "AsyncEngine": "orm/extensions/asyncio sqlalchemy.ext.asyncio.AsyncEngine",
            "Connection": "core/connections sqlalchemy.engine.Connection",
            "Engine": "core/connections sqlalchemy.engine.Engine",
            "MetaData": "core/metadata sqlalchemy.schema.MetaData",
            "create_all": "core/metadata sqlalchemy.schema.MetaData.create_all",
            "make_url": "core/engines sqlalchemy.engine.make_url",
        },
    ),
}
"""The documentation of others: what a page calls a name -> its page, and its own."""

KNOWN = {
    short: place.split()[1]
    for _, names in OTHERS.values()
    for short, place in names.items()
}


def inventory(name: str) -> str:
    """Write the names of one documentation as Sphinx reads them; return the file.

    Source: "Format of the inventory file" in `sphinx.util.inventory`.
    """
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    lines = (place.split() for place in OTHERS[name][1].values())
    text = "".join(f"{full} py:class 1 {page}.html#$ -\n" for page, full in lines)
    path = Path(mkdtemp(prefix="inventory_")) / f"{name}.inv"
    path.write_bytes(head.encode() + zlib.compress(text.encode()))
    return str(path)


intersphinx_mapping = {name: (OTHERS[name][0], inventory(name)) for name in OTHERS}


class Others(SphinxTransform):
    """Let a name of another project lead to its documentation."""

    default_priority = 500

    def apply(self) -> None:
        """Put a reference around each, unless it is one already or in a heading."""
        for literal in [*self.document.findall(nodes.literal)]:
            full = KNOWN.get(literal.astext().removesuffix("()"))
            if full is None or isinstance(
                literal.parent, nodes.title | nodes.reference
            ):
                continue
            link = pending_xref(
                refdomain="py", reftype="obj", reftarget=full, refwarn=True
            )
            literal.replace_self(link)
            link += literal


def setup(app: Sphinx) -> None:
    """Add what these pages need of their own."""
    app.add_transform(Others)
