"""DOMAINs: types of PostgreSQL with a CHECK, a default and NOT NULL of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.dialects.postgresql import DOMAIN, CreateDomainType
from sqlalchemy.types import TypeEngine

from .. import sql
from ..types.portable import dialect_named
from .base import LosslessOp, Names, dialect_of, operation
from .guards import stop_at

OPTIONS = (
    *("check", "not_null", "default"),
    *("collation", "collation_schema", "constraint_name"),
)
"""What a DOMAIN has beside its name and its type."""

COLUMNS = """
SELECT nspname, relname, attname FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE atttypid = {domain}::regtype AND NOT attisdropped AND attinhcount = 0
ORDER BY 1, 2, 3
"""
"""The columns of a DOMAIN."""

CHECKS = (
    "SELECT conname FROM pg_constraint"
    " WHERE contypid = {domain}::regtype AND contype = 'c'"
)
"""The CHECKs of a DOMAIN."""


def creation_of_domain(domain: DOMAIN) -> LosslessOp:
    """Return the call that makes a DOMAIN.

    :param domain: that of a model.
    """
    given = {name: getattr(domain, name, None) for name in OPTIONS}
    options = {name: it for name, it in given.items() if it not in (None, False)}
    if isinstance(domain.check, sa.ClauseElement):
        options["check"] = sql.compiled(domain.check, dialect_named("postgresql"))
    where: dict[str, Any] = {"schema": domain.schema} if domain.schema else {}
    return create_domain(str(domain.name), domain.data_type, **where, **options)


def _check_name(name: str, options: Mapping[str, Any]) -> str:
    """Return what PostgreSQL calls the CHECK; before NOT NULL a name is that one's."""
    given = None if options.get("not_null") else options.get("constraint_name")
    return str(given or f"{name}_check")


@operation()
def create_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],
    *,
    schema: str | None = None,
    **options: Any,
) -> None:
    """Make a DOMAIN, which its columns need first.

    :param name: its name.
    :param type_: the type that it is made of.
    :param schema: its schema.
    :param options: what `postgresql.DOMAIN` takes: `check`, `not_null`, `default`,
        `collation`, `collation_schema` and `constraint_name`.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        given = dict(options)
        if "check" in given:
            given["check"] = sql.text(given["check"])
        made = DOMAIN(name, type_, schema=schema, create_type=False, **given)
        operations.execute(CreateDomainType(made))


@create_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    """Return what drops it; what it was is for the way back."""
    return drop_domain(op.name, op.type_, schema=op.schema, **op.options)


@create_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "add_domain", op.schema, op.name


@operation()
def drop_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],  # noqa: ARG001  for the way back
    *,
    schema: str | None = None,
    **options: Any,  # noqa: ARG001  likewise
) -> None:
    """Drop a DOMAIN that no column uses any more.

    :param name: its name.
    :param type_: the type that it is made of.
    :param schema: its schema.
    :param options: what it was made with.
    :rows: stay as they are.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    """
    if dialect_of(operations) == "postgresql":
        domain = Names(operations, name, schema)
        domain.execute(f"DROP DOMAIN {domain.table}")


@drop_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    return create_domain(op.name, op.type_, schema=op.schema, **op.options)


@drop_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "remove_domain", op.schema, op.name


@operation()
def alter_domain(
    operations: Operations,
    /,
    name: str,
    type_: TypeEngine[Any],  # noqa: ARG001  for what reads revisions
    *,
    existing: Mapping[str, Any],
    schema: str | None = None,
    **options: Any,
) -> None:
    """Give a DOMAIN another CHECK, another default, or NOT NULL, or none of them.

    :param name: its name.
    :param type_: the type that it is made of, which stays.
    :param existing: what it was made with.
    :param schema: its schema.
    :param options: what it is from now on; what is left out it has not.
    :rows: are read, in each column of it. None is changed.
    :databases: PostgreSQL alone has such types; elsewhere nothing happens.
    :raises CommandError: where a column holds what is no longer allowed, with a count
        and an example; nothing was changed.
    """
    if dialect_of(operations) != "postgresql":
        return
    domain = Names(operations, name, schema)
    if not domain.offline:
        _refuse_violations(operations, domain, existing, options)
    for clause in _clauses(domain, existing, options):
        domain.execute(f"ALTER DOMAIN {domain.table} {clause}")


@alter_domain.declares("reverse")
def _(op: LosslessOp) -> LosslessOp:
    where = {"schema": op.schema} if op.schema else {}
    return alter_domain(
        op.name, op.type_, **where, **op.existing, existing=dict(op.options)
    )


@alter_domain.declares("to_diff_tuple")
def _(op: LosslessOp) -> tuple[Any, ...]:
    return "modify_domain", op.schema, op.name


def looks_at_rows(op: LosslessOp) -> bool:
    """Tell whether a DOMAIN allows less than before.

    :param op: what changes it.
    """
    given, existing = op.options, op.existing
    is_new = given.get("check") not in {None, existing.get("check")}
    return is_new or bool(given.get("not_null") and not existing.get("not_null"))


def _refuse_violations(
    operations: Operations,
    domain: Names,
    existing: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    """Stop where a column of a DOMAIN holds what it will not allow."""
    asked = COLUMNS.format(domain=domain.literal(domain.table))
    check = options.get("check")
    is_new = check is not None and check != existing.get("check")
    server = operations.get_context().dialect
    for schema, table, column in domain.bind().execute(sql.text(asked)).all():
        place = sa.table(table, sa.column(column), schema=schema)
        subject = f"{table}.{column} holds"
        if is_new:
            condition = sql.renamed(str(check), {"value": column}, server)
            violates: Any = sa.not_(sa.literal_column(f"({condition})"))
            found = sa.select(place).where(violates)
            said = f"that the DOMAIN {domain.name} no longer allows: {check}"
            stop_at(operations, found, subject, said)
        if options.get("not_null") and not existing.get("not_null"):
            found = sa.select(place).where(place.c[column].is_(None))
            said = f"that the DOMAIN {domain.name} no longer allows: NOT NULL"
            stop_at(operations, found, subject, said)


def _clauses(
    domain: Names, existing: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[str]:
    """Give what ALTER DOMAIN is told."""
    old, new = existing.get("check"), options.get("check")
    name, called = (_check_name(domain.name, it) for it in (existing, options))
    if (old, old and name) != (new, new and called):
        if old is not None:
            yield f"DROP CONSTRAINT {domain.quoted(_one_check(domain) or name)}"
        if new is not None:
            yield f"ADD CONSTRAINT {domain.quoted(called)} CHECK ({new})"
    if bool(existing.get("not_null")) != bool(options.get("not_null")):
        yield "SET NOT NULL" if options.get("not_null") else "DROP NOT NULL"
    before, after = (given.get("default") for given in (existing, options))
    if after is None and before is not None:
        yield "DROP DEFAULT"
    elif str(before) != str(after):
        yield f"SET DEFAULT {_default(domain, after)}"


def _one_check(domain: Names) -> str | None:
    """Return the name of the CHECK that there is, which PostgreSQL may have given."""
    if domain.offline:
        return None
    asked = CHECKS.format(domain=domain.literal(domain.table))
    found = domain.bind().scalars(sql.text(asked)).all()
    return str(found[0]) if len(found) == 1 else None


def _default(domain: Names, value: Any) -> str:
    if isinstance(value, sa.TextClause):
        return sql.text_in(value)
    return domain.literal(value)
