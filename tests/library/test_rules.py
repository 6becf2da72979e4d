"""Every rule has a name, a sentence in the docs, and a test that shows it."""

import re
from pathlib import Path

from alembic_lossless import env, rules
from alembic_lossless.autogenerate import online, review
from alembic_lossless.runtime import trial
from rendering import TEMPLATE

PAGE = TEMPLATE / "docs" / "rules.md"
SHOWN_BY = {
    "check": "test_checks",
    "computed": "test_attribute_gallery",
    "default": "test_server_defaults",
    "deletes": "test_drops",
    "domain": "test_domains",
    "drop-all": "test_drops",
    "duplicates": "test_new_keys",
    "fill": "test_not_null",
    "invents": "test_not_null",
    "keeps": "test_drop_later",
    "locks": "test_live_drafts",
    "loss": "test_type_changes",
    "means": "test_conversion_notes",
    "missing": "test_new_keys",
    "move": "test_models_with_a_schema",
    "not-online": "test_live_runs",
    "only-there": "test_unmanaged",
    "orphans": "test_new_keys",
    "primary-key": "test_keys",
    "rehearsed": "test_trial",
    "rename": "test_renames",
    "rename-value": "test_enums",
    "review": "test_type_changes",
    "made-already": "test_every_command",
    "same-name": "test_contradictions",
    "row-security": "test_live_drafts",
    "schema": "test_models_with_a_schema",
    "set-null": "test_contradictions",
    "stopped": "test_live_runs",
    "type": "test_type_changes",
    "untyped": "test_values",
    "two-names": "test_live_drafts",
    "used": "test_live_runs",
    "version": "test_server_versions",
    "view": "test_views",
    "violations": "test_live_runs",
}
"""The module that has the tests of a rule."""


def test_the_page_lists_every_rule() -> None:
    """I look a name up in the docs, and the table there is the code's own."""
    assert all((online, env.operations, review, trial))  # these declare them
    assert rules.table() in PAGE.read_text()


def test_every_rule_has_its_tests() -> None:
    """A rule that nobody shows is no promise."""
    assert set(SHOWN_BY) == set(rules.RULES)
    here = Path(__file__).parent
    assert all((here / f"{name}.py").is_file() for name in SHOWN_BY.values())


def test_names_are_words_to_search_for() -> None:
    """I grep for the name of a rule, and find it."""
    for rule in rules.RULES.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.text.endswith((".", "?"))
