"""Names that no server keeps whole: a revision says them, and runs on each server."""

from pathlib import Path

import pytest
from drafts import alembic, define_thing, draft
from environment import Environment
from servers import DATABASES, empty_database

LONG = "a_column_whose_name_alone_is_nearly_too_long_for_a_server_{}"
KEYS = [
    f"{LONG.format(n)} = sa.String(9), {how}=True"
    for n, how in enumerate(("index", "unique"))
]
NO_KEYS = [f"{LONG.format(n)} = sa.String(9)" for n in range(2)]


@pytest.mark.parametrize("drafted_on", DATABASES)
def test_they_go_and_come_on_every_server(
    project: Environment, drafted_on: str, tmp_path: Path
) -> None:
    """I drop an index and a constraint with long names, down and up on each server."""
    with empty_database(drafted_on, tmp_path) as url:
        here = project.using(url)
        define_thing(here, *KEYS)
        draft(here, "keys")
        define_thing(here, *NO_KEYS)
        script = draft(here, "none").partition("def downgrade")[0]
        assert f"ix_thing_{LONG.format(0)}" in script
    for kind in DATABASES:
        with empty_database(kind, tmp_path) as url:
            there = project.using(url)
            alembic(there, "upgrade head", "check", "downgrade -1", "upgrade head")
