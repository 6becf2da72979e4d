"""Random changes of an app, as its author makes them; identities say what is what."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

from .described import (
    App,
    Column,
    Constraint,
    Enumeration,
    Index,
    Item,
    Label,
    Table,
    changed,
    swapped,
    whole,
)
from .generate import CONFLICTS, EDITS, Generator, is_check_there
from .types import typed

Change = Callable[[Generator, App], App | None]
"""Returns the app after a change, None where there is nothing to change."""

CHANGES: dict[str, Change] = {}
"""Every kind of change."""


def change(name: str) -> Callable[[Change], Change]:
    """Register a kind of change."""

    def register(function: Change) -> Change:
        CHANGES[name] = function
        return function

    return register


def changed_app(generator: Generator, app: App) -> tuple[App, list[str]]:
    """Return an app after one to five changes, and the kinds of these."""
    rng, done = generator.rng, list[str]()
    app, before = replace(app, edit=""), {it.uid for it in app.tables}
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4, 5))):
        for name in rng.sample([*CHANGES], len(CHANGES)):
            if not generator.chance(1, name):
                continue
            later = CHANGES[name](generator, app)
            if later is None or (later := whole(later)) == app:
                continue
            # A draft that would drop every table is refused.
            if not before.isdisjoint(it.uid for it in later.tables):
                app = later
                done.append(name)
                break
    return app, done


def some_table(rng: Random, app: App) -> Table:
    """Return one of the tables."""
    return rng.choice(app.tables)


def some_column(
    rng: Random, app: App, *, plain: bool = True
) -> tuple[Table, Column] | None:
    """Return one of the columns, by default none of a key and none that is counted."""
    found = [
        (table, it)
        for table, it in app.columns()
        if not plain or not (it.is_key or it.item)
    ]
    return rng.choice(found) if found else None


def is_used(app: App, column: Column) -> bool:
    """Tell whether a constraint, an index or a formula names a column."""
    return any(column.uid in uses_of(it) for it in app.tables) or any(
        column.uid in it.columns for it in app.views
    )


def uses_of(table: Table) -> set[str]:
    """Return the columns that a constraint, an index or a formula of a table names."""
    found = {uid for it in table.constraints for uid in it.uses}
    found |= {uid for it in table.indexes for uid in it.uses}
    formulas = (it.item.formula for it in table.columns if it.item)
    return found | {uid for it in formulas if it for uid in it.uses}


@change("an author edits a revision")
def edit(generator: Generator, app: App) -> App:
    """Let the author write something into the revision."""
    return replace(app, edit=generator.rng.choice([*EDITS]))


@change("a table is added")
def add_table(generator: Generator, app: App) -> App:
    """Add a table."""
    return generator.with_new_table(app)


@change("a table is dropped")
def drop_table(generator: Generator, app: App) -> App | None:
    """Drop a table; what refers to it goes too."""
    if len(app.tables) < 2:
        return None
    gone = some_table(generator.rng, app)
    others = [it for it in app.tables if it != gone]
    is_used = any(k.target == gone.uid for it in others for k in it.constraints)
    if is_used and not generator.is_free("a table is dropped that another refers to"):
        return None
    return replace(app, tables=tuple(it for it in app.tables if it != gone))


@change("a table is renamed")
def rename_table(generator: Generator, app: App) -> App | None:
    """Rename a table."""
    table = some_table(generator.rng, app)
    return app.with_table(replace(table, name=generator.name(generator.uid("t"))))


@change("a table moves to another schema")
def move_table(generator: Generator, app: App) -> App | None:
    """Move a table to a schema or out of it."""
    table = some_table(generator.rng, app)
    if app.database != "postgresql":
        return None
    return app.with_table(replace(table, schema=not table.schema))


@change("a column is added")
def add_column(generator: Generator, app: App) -> App | None:
    """Add a column somewhere in a table."""
    table = some_table(generator.rng, app)
    app, column = generator.with_new_column(app, table)
    at = generator.rng.randint(1, len(table.columns))
    columns = (*table.columns[:at], column, *table.columns[at:])
    return app.with_table(replace(table, columns=columns))


@change("a column is dropped")
def drop_column(generator: Generator, app: App) -> App | None:
    """Drop a column with what uses it."""
    if not (found := some_column(generator.rng, app)):
        return None
    table, gone = found
    is_pickled = "PickleType" in gone.type.expression and not gone.is_nullable
    if is_pickled and not generator.is_free("a column of pickles is dropped"):
        return None
    columns = tuple(it for it in table.columns if it != gone)
    return app.with_table(replace(table, columns=columns))


def known_drops(before: App, after: App) -> set[str]:
    """Return the features with a known fault that dropped columns have."""
    stays = {table.uid for table in after.tables}
    found = set[str]()
    for table in before.tables:
        targets = {it.target for it in table.constraints if it.target}
        if table.uid in stays and not targets <= stays:
            found.add("a table is dropped that another refers to")
        later = after.table(table.uid)
        for one, other in ((table, later), (later, table)) if later else ():
            if one and other and not _of_one_null(one) <= _columns_in(other):
                found.add(ONE_NULL)
        if later and _alike(table) != _alike(later):
            found.add(ALIKE)
    return found


def _alike(table: Table) -> list[tuple[str, ...]]:
    """Return the columns of UNIQUEs of which there are two."""
    uniques = [it for it in table.constraints if it.kind == "UniqueConstraint"]
    found = [
        *(it.columns for it in uniques),
        *((it.uid,) for it in table.columns if "unique" in it.given),
    ]
    return [it for it, times in Counter(found).items() if times > 1]


ALIKE = "two UNIQUEs are alike, and one comes or goes"
"""The change of which PostgreSQL leaves it to chance which one is there."""

ONE_NULL = "a column comes or goes that has one NULL"
"""The change of which NULLS NOT DISTINCT leaves no right outcome."""


def _of_one_null(table: Table) -> set[str]:
    """Return the columns of keys with NULLS NOT DISTINCT."""
    given = ("postgresql_nulls_not_distinct", "True")
    parts: list[Constraint | Index] = [*table.constraints, *table.indexes]
    return {uid for it in parts if given in it.options for uid in it.uses}


def _columns_in(table: Table) -> set[str]:
    return {it.uid for it in table.columns}


@change("a column is renamed")
def rename_column(generator: Generator, app: App) -> App | None:
    """Rename a column, and with it what models say of it."""
    found = some_column(generator.rng, app, plain=generator.rng.random() < 0.8)
    if not found:
        return None
    table, old = found
    formulas = [it.item.formula for it in table.columns if it.item and it.item.formula]
    is_used = any(old.uid in it.uses for it in formulas)
    if is_used and not generator.is_free("a key is renamed below a formula"):
        return None
    column = replace(old, name=generator.name(generator.uid("c")))
    return app.with_column(column)


@change("a column gets another type")
def retype(generator: Generator, app: App) -> App | None:
    """Give a column another type, which may be of another kind."""
    if not (found := some_column(generator.rng, app)):
        return None
    table, column = found
    if is_used(app, column) and generator.rng.random() < 0.5:
        return None
    for _ in range(9):
        later, made = generator.type(app, column.uid)
        if is_check_there(later, table, made):
            continue
        if made != column.type and is_near(column.type.family, made.family):
            fresh = replace(column, type=made, options=plain_options(column))
            return later.with_column(fresh)
    return None


def plain_options(column: Column) -> tuple[tuple[str, str], ...]:
    """Return the arguments of a column that fit any type."""
    return tuple(it for it in column.options if it[0] in {"nullable", "comment"})


NEAR = (
    {"integer", "decimal", "float", "boolean"},
    {"text", "enum", "uuid"},
    {"date", "datetime", "zoned"},
    {"integer", "text"},
    {"text", "date"},
    {"json", "text"},
    {"array"},
    {"binary"},
    {"time", "zoned time"},
    {"interval"},
)
"""The families between which an author changes a type."""


def is_near(old: str, new: str) -> bool:
    """Tell whether an author changes a type of one family to one of another."""
    return old == new or any(old in some and new in some for some in NEAR)


@change("columns stand in another order")
def reorder(generator: Generator, app: App) -> App:
    """Write the columns of a table in another order."""
    table = some_table(generator.rng, app)
    keys = table.key
    rest = [it for it in table.columns if not it.is_key and not it.item]
    items = [it for it in table.columns if it.item and not it.is_key]
    generator.rng.shuffle(rest)
    return app.with_table(replace(table, columns=(*keys, *rest, *items)))


@change("an argument of a column changes")
def change_column(generator: Generator, app: App) -> App | None:
    """Change whether a column may be NULL and what is done then, or another thing."""
    if not (found := some_column(generator.rng, app)):
        return None
    _, column = found
    options = ("nullable", "server_default", "comment", "sqlite_on_conflict_not_null")
    match option := generator.rng.choice(options):
        case "nullable":
            later = column.having("nullable", str(not column.is_nullable))
        case "server_default":
            default = generator.server_default(app, column)
            if column.given.get("server_default") and generator.rng.random() < 0.5:
                default = None
            later = column.having("server_default", default)
        case "comment":
            text = generator.rng.choice((None, "'another'", "'100%%'"))
            later = column.having("comment", text)
        case _:
            conflicts = generator.rng.choice((None, *CONFLICTS))
            later = column.having(option, conflicts)
    return app.with_column(later)


@change("an index or key of a column changes")
def change_keyed(generator: Generator, app: App) -> App | None:
    """Add or take away `index=True` or `unique=True`."""
    if not (found := some_column(generator.rng, app)):
        return None
    table, column = found
    if not generator.is_key_like(column):
        return None
    name = generator.rng.choice(("index", "unique"))
    value = None if name in column.given else "True"
    if name == "unique" and any(
        it.columns == (column.uid,) for it in table.constraints
    ):
        return None  # a key without a name is the one of any name that is there
    return app.with_column(column.having(name, value))


@change("a constraint is added")
def add_constraint(generator: Generator, app: App) -> App | None:
    """Add a constraint."""
    table = some_table(generator.rng, app)
    if not (fresh := generator.constraint(app, table)):
        return None
    return app.with_table(replace(table, constraints=(*table.constraints, fresh)))


def some_constraint(generator: Generator, app: App) -> tuple[Table, Constraint] | None:
    """Return a constraint that does not come with inheritance."""
    found = [
        (table, it)
        for table in app.tables
        for it in table.constraints
        if it.target != table.parent or not it.target
    ]
    return generator.rng.choice(found) if found else None


@change("a constraint is dropped")
def drop_constraint(generator: Generator, app: App) -> App | None:
    """Drop a constraint."""
    if not (found := some_constraint(generator, app)):
        return None
    table, gone = found
    rest = tuple(it for it in table.constraints if it != gone)
    return app.with_table(replace(table, constraints=rest))


@change("a constraint changes")
def change_constraint(generator: Generator, app: App) -> App | None:
    """Give a constraint another condition or other arguments."""
    if not (found := some_constraint(generator, app)):
        return None
    table, old = found
    names = [it for it in old.options if it[0] == "name"]
    for _ in range(9):
        fresh = generator.constraint(app, table)
        if fresh and fresh.kind == old.kind and (names or app.convention):
            rest = [it for it in fresh.options if it[0] != "name"]
            later = replace(fresh, uid=old.uid, options=(*names, *rest))
            others = tuple(it for it in table.constraints if it != old)
            if later.kind == "ForeignKeyConstraint" and any(
                set(it.columns) & set(later.columns) for it in others if it.target
            ):
                continue
            return app.with_table(
                replace(table, constraints=swapped(table.constraints, later))
            )
    return None


@change("a constraint's comment changes")
def change_comment(generator: Generator, app: App) -> App | None:
    """Say something else of a constraint that has a name, or nothing."""
    if not (found := some_constraint(generator, app)):
        return None
    table, old = found
    is_named = app.convention or "name" in dict(old.options)
    if not is_named or old.kind == "ExcludeConstraint":
        return None
    text = generator.rng.choice((None, "'another'", "'100%: it''s'"))
    later = replace(old, options=changed(old.options, "comment", text))
    return app.with_table(replace(table, constraints=swapped(table.constraints, later)))


@change("an index is added")
def add_index(generator: Generator, app: App) -> App | None:
    """Add an index."""
    table = some_table(generator.rng, app)
    if not (fresh := generator.index(table)):
        return None
    return app.with_table(replace(table, indexes=(*table.indexes, fresh)))


def some_index(generator: Generator, app: App) -> tuple[Table, Index] | None:
    """Return an index."""
    found = [(table, it) for table in app.tables for it in table.indexes]
    return generator.rng.choice(found) if found else None


@change("an index is dropped")
def drop_index(generator: Generator, app: App) -> App | None:
    """Drop an index."""
    if not (found := some_index(generator, app)):
        return None
    table, gone = found
    rest = tuple(it for it in table.indexes if it != gone)
    return app.with_table(replace(table, indexes=rest))


@change("an index changes")
def change_index(generator: Generator, app: App) -> App | None:
    """Give an index other columns or arguments."""
    if not (found := some_index(generator, app)):
        return None
    table, old = found
    if not (fresh := generator.index(table)):
        return None
    later = replace(fresh, uid=old.uid, name=old.name)
    return app.with_table(replace(table, indexes=swapped(table.indexes, later)))


@change("a table option changes")
def change_options(generator: Generator, app: App) -> App:
    """Change the comment of a table, or an option that only its author can change."""
    table = some_table(generator.rng, app)
    if generator.rng.random() < 0.7:
        text = generator.rng.choice((None, "'another'", "'100%'"))
        return app.with_table(
            replace(table, options=changed(table.options, "comment", text))
        )
    return app.with_table(replace(table, options=generator.table_options()))


def with_values(generator: Generator, app: App) -> list[Enumeration]:
    """Return the Enums whose values a database knows, and the others where they may."""
    if generator.is_free("values of an Enum that is text"):
        return [*app.enums]
    if app.database == "sqlite":
        return []
    return [it for it in app.enums if ("native_enum", "False") not in it.options]


@change("an Enum gets a value")
def add_label(generator: Generator, app: App) -> App | None:
    """Add a value to an Enum, anywhere."""
    if not app.enums:
        return None
    enum = generator.rng.choice(app.enums)
    if (text := generator.new_label(enum)) is None:
        return None
    label = Label(generator.uid("l"), text)
    at = generator.rng.randint(0, len(enum.labels))
    labels = (*enum.labels[:at], label, *enum.labels[at:])
    return replace(app, enums=swapped(app.enums, replace(enum, labels=labels)))


@change("an Enum's value is renamed")
def rename_label(generator: Generator, app: App) -> App | None:
    """Rename a value of an Enum."""
    if not (enums := with_values(generator, app)):
        return None
    enum = generator.rng.choice(enums)
    defaults = {
        column.given.get("server_default", "").strip("'\"")
        for _, column in app.columns()
        if column.type.named == enum.uid
    }
    old = [it for it in enum.labels if not any(it.text in text for text in defaults)]
    if not old or (text := generator.new_label(enum)) is None:
        return None
    label = generator.rng.choice(old)
    fresh = Label(label.uid, text)
    labels = swapped(enum.labels, fresh)
    return replace(app, enums=swapped(app.enums, replace(enum, labels=labels)))


@change("an Enum loses a value")
def drop_label(generator: Generator, app: App) -> App | None:
    """Take away the last value of an Enum, which rows may have."""
    enums = [it for it in with_values(generator, app) if len(it.labels) > 1]
    if not enums:
        return None
    enum = generator.rng.choice(enums)
    return replace(
        app, enums=swapped(app.enums, replace(enum, labels=enum.labels[:-1]))
    )


@change("an Enum's values stand in another order")
def reorder_labels(generator: Generator, app: App) -> App | None:
    """Write the values of an Enum in another order."""
    if not app.enums:
        return None
    enum = generator.rng.choice(app.enums)
    labels = enum.labels[::-1]
    return replace(app, enums=swapped(app.enums, replace(enum, labels=labels)))


@change("an Enum gains or loses its CHECK")
def check_of_enum(generator: Generator, app: App) -> App | None:
    """Switch `create_constraint` of an Enum that is text."""
    enums = [it for it in app.enums if ("native_enum", "False") in it.options]
    if not enums:
        return None
    enum = generator.rng.choice(enums)
    value = None if ("create_constraint", "True") in enum.options else "True"
    used = Counter(it.uid for it, c in app.columns() if c.type.named == enum.uid)
    if value and max(used.values()) > 1:
        return None
    later = replace(enum, options=changed(enum.options, "create_constraint", value))
    return replace(app, enums=swapped(app.enums, later))


@change("a DOMAIN changes")
def change_domain(generator: Generator, app: App) -> App | None:
    """Change the CHECK, the default or NOT NULL of a DOMAIN."""
    if not app.domains:
        return None
    old = generator.rng.choice(app.domains)
    fresh = generator.domain()
    if fresh.base.family != old.base.family:
        return None
    later = replace(old, options=fresh.options)
    return replace(app, domains=swapped(app.domains, later))


@change("a formula changes")
def change_formula(generator: Generator, app: App) -> App | None:
    """Give a computed column another formula."""
    found = [
        (table, it)
        for table, it in app.columns()
        if it.item and it.item.kind == "Computed"
    ]
    if not found:
        return None
    table, column = generator.rng.choice(found)
    numbers = [
        it
        for it in table.columns
        if it.type.family == "integer" and not it.item and not generator.counts(it)
    ]
    if not numbers:
        return None
    return app.with_column(
        replace(column, item=generator.computed(generator.rng.choice(numbers)))
    )


@change("an Identity or a Sequence changes")
def change_numbering(generator: Generator, app: App) -> App | None:
    """Change what counts, or take it away, or let a column be counted."""
    found = [
        (table, it)
        for table, it in app.columns()
        if not it.is_key and it.type.expression == "sa.Integer()"
        if it.item is None or it.item.kind in {"Identity", "Sequence"}
    ]
    if not found:
        return None
    _, column = generator.rng.choice(found)
    if column.item is None:
        if "server_default" in column.given or "default" in column.given:
            return None
        fresh: Item | None = Item("Identity", options=generator.numbering())
    elif column.item.kind == "Identity":
        fresh = generator.rng.choice((None, generator.identity()))
    else:
        fresh = replace(column.item, options=generator.numbering())
    return app.with_column(replace(column, item=fresh))


@change("a sequence is added, dropped or changes")
def change_sequence(generator: Generator, app: App) -> App:
    """Change a sequence of the metadata."""
    if not app.sequences:
        return replace(app, sequences=(generator.sequence(),))
    if generator.rng.random() < 0.4:
        return replace(app, sequences=())
    (old,) = app.sequences
    return replace(app, sequences=(replace(old, options=generator.counting()),))


@change("a view is added")
def add_view(generator: Generator, app: App) -> App:
    """Add a view."""
    return generator.with_new_view(app)


@change("a view is dropped")
def drop_view(_: Generator, app: App) -> App | None:
    """Drop a view."""
    return replace(app, views=()) if app.views else None


@change("a view changes")
def change_view(generator: Generator, app: App) -> App | None:
    """Let a view show other columns."""
    if not app.views:
        return None
    view = app.views[0]
    table = app.table(view.table)
    assert table
    columns = tuple(it.uid for it in table.columns[:3])
    where = [it for column in table.columns for it in generator.conditions(column)]
    condition = generator.rng.choice(where) if where else None
    return replace(
        app, views=swapped(app.views, replace(view, columns=columns, where=condition))
    )


@change("a text gets another length")
def change_length(generator: Generator, app: App) -> App | None:
    """Make a text longer or shorter, which is what authors do most."""
    found = [
        (table, it)
        for table, it in app.columns()
        if it.type.expression.startswith("sa.String(")
    ]
    if not found:
        return None
    _, column = generator.rng.choice(found)
    length = generator.rng.choice(("10", "12", "40", "100", "300"))
    made = typed(f"sa.String(length={length})", app.database)
    return app.with_column(replace(column, type=made))
