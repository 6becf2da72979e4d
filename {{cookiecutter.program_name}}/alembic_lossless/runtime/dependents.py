"""What hangs on a table or a column, and has to go before it on PostgreSQL."""

import re

DEPENDS = re.compile(
    r"^(?:DETAIL: +)?(?:rule \S+ on )?"
    r"(?P<kind>materialized view|view|trigger|policy|constraint|function) (?P<name>\S+)"
    r"(?: on table (?P<table>\S+))? depends on",
    re.MULTILINE,
)
"""How PostgreSQL names one thing that depends on what is to go or to change."""

DROPS = {
    "view": 'op.execute("DROP VIEW {name}")',
    "materialized view": 'op.execute("DROP MATERIALIZED VIEW {name}")',
    "trigger": 'op.execute("DROP TRIGGER {name} ON {table}")',
    "policy": 'op.execute("DROP POLICY {name} ON {table}")',
    "constraint": 'op.drop_constraint("{name}", "{table}")',
    "function": 'op.execute("DROP FUNCTION {name}")',
}


def hint(error: str) -> list[str]:
    """Say what a revision has to drop first, and to create again, if that is it.

    :param error: what PostgreSQL says, with its DETAIL.
    """
    found = [it.groupdict() for it in DEPENDS.finditer(error)]
    # What depends on a view stands behind it, and has to go before it.
    drops = [DROPS[it["kind"]].format(**it) for it in reversed(found)]
    if not drops:
        return []
    return [
        f"Let the revision drop it first and create it again after: {'; '.join(drops)}"
    ]
