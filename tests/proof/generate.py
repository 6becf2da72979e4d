"""Random apps, out of everything that SQLAlchemy can declare of a table."""

import re
from collections.abc import Container, Iterator
from dataclasses import replace
from itertools import count
from random import Random

from .described import (
    App,
    Column,
    Constraint,
    Domain,
    Enumeration,
    Index,
    Item,
    Label,
    Options,
    Sequence,
    Sql,
    Table,
    Type,
    View,
    whole,
)
from .types import random_type, typed, variant, wrapped

HOSTILE = (
    "order",
    "Name",
    "with space",
    "per%cent",
    "quo'te",
    "us$",
    'c"d',
    "l`m",
    "äöü",
    "length",
    "select",
    "lower",
    "a-b",
    "(x)",
    "the part",
    "key",
    "check",
    "_x",
    "9lives",
    "long_" * 9,
    "values",
    "back\\slash",
)
"""Names that SQL has to quote, or that words and functions of SQL have."""

EDITS = {
    "changes rows": "op.execute({update!r})",
    "changes rows, and names what it binds": (
        "op.execute(sa.text({update!r} + ' AND :one = 1').bindparams(one=1))"
    ),
    "asks the database": (
        "rows = op.get_bind().execute(sa.text({count!r})).scalar_one()\n"
        "    if rows > 1000:\n"
        "        raise RuntimeError('too many rows')"
    ),
    "asks which database it is": (
        "if op.get_context().dialect.name != 'oracle':\n        op.execute({update!r})"
    ),
    "loops": "for statement in ({update!r},):\n        op.execute(statement)",
}
"""What an author writes at the end of an upgrade; `update` changes rows of a table."""

LABELS = (
    "blue",
    "red",
    "green",
    "new",
    "old",
    "it's",
    "with space",
    "per%cent",
    "äöü",
    "Select",
    'say "x"',
)

CONFLICTS = ("'FAIL'", "'IGNORE'", "'REPLACE'", "'ROLLBACK'")
"""What SQLite may do with a row that breaks a constraint, if it is told to."""

Weighted = tuple[tuple[str, float], ...]


def check_of(app: App, made: Type) -> str:
    """Return the name of the CHECK that a type makes, or nothing."""
    for enum in app.enums:
        if enum.uid == made.named:
            given = ("create_constraint", "True") in enum.options
            return enum.name if given else ""
    found = re.search(r"\bname='([^']*)'", made.expression)
    return found[1] if found and "create_constraint=True" in made.expression else ""


def is_check_there(app: App, table: Table, made: Type) -> bool:
    """Tell whether a table has a CHECK of the name that a type gives its own."""
    name = check_of(app, made)
    return bool(name) and name in {check_of(app, it.type) for it in table.columns}


KEYED = {
    "integer",
    "text",
    "uuid",
    "date",
    "datetime",
    "decimal",
}
"""The families whose values can be told apart, and indexed everywhere."""


class Generator:
    """Makes apps for one kind of database."""

    def __init__(self, rng: Random, database: str, known: Container[str] = ()) -> None:
        """Take the source of chance.

        :param known: the features to keep off.
        """
        self.known = known
        self.rng = rng
        self.database = database
        self.numbers = count(1)
        self.taken = set[str]()
        self.labels = dict[str, set[str]]()
        """The values that an Enum ever had: of one that comes back none could tell."""

    def uid(self, kind: str) -> str:
        """Return a new identity."""
        return f"{kind}{next(self.numbers)}"

    def chance(self, likely: float, feature: str = "") -> bool:
        """Tell whether something is to be; what has a known fault is not."""
        found = self.rng.random() < likely
        return found and self.is_free(feature)

    def is_free(self, feature: str) -> bool:
        """Tell whether a feature has no known fault on the database."""
        return feature not in self.known

    def name(self, uid: str) -> str:
        """Return a name that nothing has, sometimes a hostile one."""
        rng = self.rng
        name = f"{rng.choice(('item', 'note', 'kind', 'part', 'own'))}_{uid}"
        if self.chance(0.15, "hostile names"):
            name = rng.choice([it for it in HOSTILE if self.is_free(f"name {it}")])
        while name.lower() in self.taken:
            name = f"{name[:50]}_{uid}"
        self.taken.add(name.lower())
        return name

    def app(self) -> App:
        """Return a random app."""
        app = App(self.database, self.chance(0.6), ())
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            app = self.with_new_table(app)
        for _ in range(self.rng.choice((0, 0, 1))):
            app = self.with_new_view(app)
        if self.chance(0.1):
            app = replace(app, sequences=(self.sequence(),))
        if self.chance(0.1, "an author edits a revision"):
            app = replace(app, edit=self.rng.choice([*EDITS]))
        return whole(app)

    def with_new_table(self, app: App) -> App:
        """Return an app with one more table, and the types that it needs."""
        rng, uid = self.rng, self.uid("t")
        table = Table(
            uid,
            self.name(uid),
            (),
            schema=self.database != "sqlite" and self.chance(0.15, "schema"),
            style=rng.choice(("class", "class", "mapped", "core")),
        )
        parents = [it for it in app.tables if it.style == "class" and len(it.key) == 1]
        if parents and table.style == "class" and self.chance(0.15):
            parent = rng.choice(parents)
            key = parent.key[0]
            column = Column(
                self.uid("c"), key.name, key.type, (("primary_key", "True"),)
            )
            refers = Constraint(
                self.uid("k"), "ForeignKeyConstraint", (column.uid,), target=parent.uid
            )
            table = replace(
                table, columns=(column,), constraints=(refers,), parent=parent.uid
            )
        else:
            table = replace(table, columns=tuple(self.keys()))
        app = replace(app, tables=(*app.tables, table))
        for _ in range(rng.randint(1, 4)):
            app, column = self.with_new_column(app, table)
            table = replace(table, columns=(*table.columns, column))
            app = app.with_table(table)
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            if constraint := self.constraint(app, table):
                table = replace(table, constraints=(*table.constraints, constraint))
        for _ in range(rng.choice((0, 0, 1))):
            if index := self.index(table):
                table = replace(table, indexes=(*table.indexes, index))
        table = replace(table, options=self.table_options())
        return app.with_table(self.arranged(table))

    def arranged(self, table: Table) -> Table:
        """Let some columns stand in a mixin or in a subclass of the model."""
        if table.style != "class" or table.parent:
            return table
        free = [it.uid for it in table.columns if not it.is_key and not it.item]
        free = [it for it in free if not any(it in k.uses for k in table.constraints)]
        free = [it for it in free if not any(it in k.uses for k in table.indexes)]
        nullable = [it for it in free if (c := table.column(it)) and c.is_nullable]
        if free and self.chance(0.2):
            return replace(table, mixed=tuple(free))
        if nullable and self.chance(0.15):
            return replace(table, single=(nullable[-1],))
        return table

    def keys(self) -> Iterator[Column]:
        """Give the columns of a primary key."""
        rng = self.rng
        options: Options = (("primary_key", "True"),)
        form = rng.random()
        uid = self.uid("c")
        if form < 0.6:
            number = typed("sa.Integer()", self.database)
            item = self.identity() if self.chance(0.15, "Identity of a key") else None
            if item is None and self.chance(0.1, "autoincrement"):
                options = (*options, ("autoincrement", rng.choice(("True", "False"))))
            yield Column(uid, rng.choice(("id", "nr")), number, options, item)
        elif form < 0.8:
            kind = rng.choice(("sa.String(20)", "sa.Uuid()", "sa.BigInteger()"))
            yield Column(uid, "code", typed(kind, self.database), options)
        else:
            for name in ("first", "second"):
                kind = rng.choice(("sa.Integer()", "sa.String(12)"))
                made = typed(kind, self.database)
                more = (("autoincrement", "False"),) if "Int" in kind else ()
                yield Column(self.uid("c"), name, made, (*options, *more))

    def with_new_column(self, app: App, table: Table) -> tuple[App, Column]:
        """Return an app with the types that a new column of a table needs, and that."""
        uid = self.uid("c")
        app, made = self.type(app, uid)
        if is_check_there(app, table, made):
            made = typed("sa.Integer()", self.database)
        column = Column(uid, self.name(uid), made)
        numbers = [
            it
            for it in table.columns
            if it.type.family == "integer" and not it.item
            if not self.counts(it)
        ]
        if numbers and self.chance(0.1, "Computed"):
            return app, replace(
                column,
                type=typed("sa.Integer()", self.database),
                item=self.computed(self.rng.choice(numbers)),
            )
        # A new table has it from the start.
        feature = "Identity added" if app.table(table.uid) in app.tables else ""
        if made.family == "integer" and made.expression == "sa.Integer()":
            if self.chance(0.1, feature) and not any(it.item for it in table.columns):
                return app, replace(column, item=self.identity())
            if self.chance(0.1, "Sequence"):
                more = self.some(("optional", "True")) + self.numbering()
                item = Item("Sequence", name=f"s_{uid}", options=more)
                return app, replace(column, item=item)
        return app, replace(column, options=tuple(self.column_options(app, column)))

    def type(self, app: App, uid: str) -> tuple[App, Type]:
        """Return a random type, and the app with the named type that it is."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.15:
            if not app.enums or rng.random() < 0.7:
                app = replace(app, enums=(*app.enums, self.enumeration()))
            chosen = rng.choice(app.enums)
            return app, Type(f"{{{chosen.uid}}}", "enum", (), named=chosen.uid)
        if (
            0.15 < kind < 0.2
            and self.database == "postgresql"
            and self.is_free("DOMAIN")
        ):
            if not app.domains or rng.random() < 0.7:
                app = replace(app, domains=(*app.domains, self.domain()))
            named = rng.choice(app.domains)
            return app, Type(f"{{{named.uid}}}", "domain", (), named=named.uid)
        if kind < 0.3:
            return app, wrapped(rng, uid)
        if kind < 0.37:
            return app, variant(rng, self.database)
        if kind < 0.55:
            plain = rng.choice(("sa.Integer()", "sa.String(40)", "sa.Text()"))
            return app, typed(plain, self.database)
        return app, random_type(rng, self.database, self.known)

    def enumeration(self) -> Enumeration:
        """Return an Enum."""
        rng, uid = self.rng, self.uid("e")
        texts = rng.sample(LABELS, rng.randint(2, 4))
        self.labels[uid] = {*texts}
        options = list[tuple[str, str]]()
        form = rng.choice(("strings", "strings", "Enum", "str"))
        if self.chance(0.4):
            options.append(("native_enum", "False"))
            options.append(("length", rng.choice(("12", "20"))))
            if self.chance(0.5, "Enum.create_constraint"):
                options.append(("create_constraint", "True"))
        elif self.database == "postgresql" and self.chance(0.15, "Enum.schema"):
            options.append(("schema", "'SCHEMA'"))
        if self.chance(0.2):
            options.append(("validate_strings", "True"))
        if form != "strings" and self.chance(0.1):
            options.append(("omit_aliases", "False"))
        labels = tuple(Label(self.uid("l"), it) for it in texts)
        return Enumeration(uid, f"mood_{uid}", labels, form, tuple(options))

    def new_label(self, enum: Enumeration) -> str | None:
        """Return a value that an Enum never had, if there is one."""
        free = [it for it in LABELS if it not in self.labels[enum.uid]]
        if not free:
            return None
        text = self.rng.choice(free)
        self.labels[enum.uid].add(text)
        return text

    def domain(self) -> Domain:
        """Return a DOMAIN."""
        rng, uid = self.rng, self.uid("d")
        base = typed(rng.choice(("sa.Integer()", "sa.String(40)")), self.database)
        options = list[tuple[str, str]]()
        check = "VALUE >= 0" if base.family == "integer" else "length(VALUE) < 41"
        if self.chance(0.6, "DOMAIN"):
            options.append(("check", repr(check)))
            if self.chance(0.5):
                options.append(("constraint_name", repr(f"ck_{uid}")))
        if self.chance(0.2, "DOMAIN"):
            options.append(("not_null", "True"))
        if self.chance(0.3, "DOMAIN"):
            options.append(
                ("default", "'5'" if base.family == "integer" else "\"'x'\"")
            )
        if base.family == "text" and self.chance(0.2, "DOMAIN"):
            options.append(("collation", "'C'"))
        return Domain(uid, f"kind_{uid}", base, tuple(options))

    def column_options(self, app: App, column: Column) -> Iterator[tuple[str, str]]:
        """Give arguments of a column."""
        rng, family = self.rng, column.type.family
        nullable = rng.random() < 0.6 and family != "domain"
        yield "nullable", str(nullable)
        if self.chance(0.25) and (default := self.server_default(app, column)):
            yield "server_default", default
        elif self.chance(0.2) and column.type.values:
            name = "default" if self.chance(0.8) else "insert_default"
            yield name, column.type.values[0]
        if self.chance(0.15, "Column.comment"):
            yield "comment", rng.choice(("'It''s'", "'100%'", "'a:b'", '"it\'s"'))
        if family in KEYED and self.is_short(column) and self.chance(0.2):
            name = rng.choice(("index", "unique"))
            yield name, "True"
            if name == "unique" and self.chance(0.2):
                yield "sqlite_on_conflict_unique", rng.choice(CONFLICTS)
        if self.chance(0.05):
            yield rng.choice(
                (
                    ("doc", "'a word'"),
                    ("info", "{'a': 1}"),
                    ("quote", "True"),
                    ("onupdate", "None"),
                    ("insert_sentinel", "False"),
                    ("system", "False"),
                    ("server_onupdate", "sa.FetchedValue()"),
                )
            )
        if self.chance(0.05):
            yield "sqlite_on_conflict_not_null", rng.choice(CONFLICTS)

    @staticmethod
    def is_short(column: Column) -> bool:
        """Tell whether MariaDB can index a column: no TEXT without a length."""
        text = column.type.family == "text"
        words = column.type.expression
        return not text or ("length=" in words and "TEXT" not in words.upper())

    def server_default(self, app: App, column: Column) -> str | None:
        """Return a default that the database gives."""
        family, rng = column.type.family, self.rng
        choices: dict[str, tuple[str, ...]] = {
            "integer": ("'7'", "sa.text('7')", "sa.literal(7)"),
            "decimal": ("'1'", "sa.text('1')"),
            "float": ("'1.5'", "sa.text('1.5')"),
            "text": ("'none'", '"it\'s"', "sa.text(\"'x'\")", "'100%'", "''", "'a:b'"),
            "boolean": ("sa.true()", "sa.false()"),
            "date": ("'2020-01-01'", "sa.func.current_date()"),
            "datetime": ("sa.func.now()", "sa.text('CURRENT_TIMESTAMP')"),
            "zoned": ("sa.func.now()", "sa.text('CURRENT_TIMESTAMP')"),
            "json": ("'{}'",),
        }
        if family == "datetime" and self.chance(0.3, "compiled default"):
            return "utcnow()"
        if family == "date" and self.database != "postgresql":
            # In a format of its own the type would read no other one.
            own = "storage_format" in column.type.expression
            return None if own else "'2020-01-01'"
        for enum in app.enums:
            if enum.uid == column.type.named:
                label = rng.choice(enum.labels).text
                if enum.form == "str" and self.chance(0.3, "default of a str Enum"):
                    return f"{enum.uid.upper()}[{label!r}].name"
                return repr(label)
        found = choices.get(family, ())
        return rng.choice(found) if found else None

    def computed(self, column: Column) -> Item:
        """Return a formula of another column."""
        sums = (f"{{{column.uid}}} * 2", f"{{{column.uid}}} + 1")
        chosen = self.rng.choice(sums)
        stored = self.database == "postgresql" or self.rng.random() < 0.5
        return Item(
            "Computed",
            Sql(chosen, chosen if self.rng.random() < 0.5 else ""),
            options=(("persisted", str(stored)),),
        )

    def identity(self) -> Item:
        """Return an Identity."""
        options = self.numbering()
        if self.chance(0.3):
            options = (*options, ("always", "True"))
        if self.chance(0.1, "Identity.on_null"):
            options = (*options, ("oracle_on_null", "True"))
        return Item("Identity", options=options)

    def numbering(self, **more: tuple[str, ...]) -> Options:
        """Return arguments of an Identity or a Sequence that fit together.

        :param more: what only one of them takes.
        """
        choices: dict[str, tuple[str, ...]] = {
            "start": ("5", "100"),
            "increment": ("2", "10"),
            "minvalue": ("1",),
            "maxvalue": ("99999",),
            "nominvalue": ("True",),
            "nomaxvalue": ("True",),
            "cycle": ("True", "False"),
            "cache": ("5",),
            **more,
        }
        found = {
            name: self.rng.choice(values)
            for name, values in choices.items()
            if self.chance(0.15)
        }
        for first, second in (("minvalue", "nominvalue"), ("maxvalue", "nomaxvalue")):
            if first in found:
                found.pop(second, None)
        return tuple(found.items())

    def sequence(self) -> Sequence:
        """Return a sequence that no column has."""
        uid = self.uid("s")
        return Sequence(uid, f"count_{uid}", self.counting())

    def counting(self) -> Options:
        """Return arguments of a sequence."""
        own: dict[str, tuple[str, ...]] = {
            "data_type": ("sa.BigInteger()", "sa.Integer()")
        }
        if self.database == "postgresql" and self.is_free("Sequence.schema"):
            own["schema"] = ("'SCHEMA'",)
        flags = ("quote", "quote_schema", "for_update")
        return self.numbering(**own, **dict.fromkeys(flags, ("True",)))

    def constraint(self, app: App, table: Table) -> Constraint | None:
        """Return a constraint that rows of the table keep, or nothing."""
        kinds = (self.check, self.unique, self.reference, self.exclude)
        found = self.rng.choice(kinds[:3] if self.rng.random() < 0.9 else kinds)
        return found(app, table)

    def constraint_name(self, uid: str, kind: str) -> Options:
        """Return the name of a constraint; a convention gives others theirs."""
        return (("name", repr(f"{kind}_{uid}")),) if self.chance(0.6) else ()

    def check(self, app: App, table: Table) -> Constraint | None:
        """Return a CHECK."""
        uid = self.uid("k")
        conditions = [it for column in table.columns for it in self.conditions(column)]
        if not conditions:
            return None
        named = self.constraint_name(uid, "positive")
        if app.convention or not self.chance(
            1, "CHECK without a name"
        ):  # which lets no CHECK be without a name
            named = (("name", repr(f"positive_{uid}")),)
        named += self.some(("info", "{'a': 1}"))
        only = self.only("CheckConstraint.ddl_if")
        condition = self.rng.choice(conditions)
        named += self.said_of_it(app, named)
        return Constraint(
            uid, "CheckConstraint", condition=condition, options=named, ddl_if=only
        )

    def only(self, feature: str) -> str:
        """Return the database that alone has something, mostly none."""
        if not self.chance(0.05, feature):
            return ""
        return self.rng.choice(("postgresql", "sqlite", "mysql", "mariadb"))

    def counts(self, column: Column) -> bool:
        """Tell whether MariaDB counts a column, which no expression may then name."""
        return self.database == "mariadb" and column.is_key

    def conditions(self, column: Column) -> Iterator[Sql]:
        """Give what is true of each value of a column."""
        if self.counts(column):
            return
        here = f"{{{column.uid}}}"
        as_python = self.rng.random() < 0.5
        if column.item and column.item.kind == "Computed":
            return
        if column.type.family == "integer":
            yield Sql(f"{here} >= 0", f"{here} >= 0" if as_python else "")
            text = f"{here} < 100000"
            yield Sql(f"{text} AND {here} <> 4", f"sa.and_({text}, {here} != 4)")
        if column.type.family == "text":
            python = f"sa.func.length({here}) < 400"
            yield Sql(f"length({here}) < 400", python if as_python else "")
            yield Sql(f"{here} <> 'a%b'' :x'", "")

    def unique(self, app: App, table: Table) -> Constraint | None:
        """Return a unique key of one or two columns."""
        free = [it for it in table.columns if self.is_key_like(it)]
        if not free:
            return None
        chosen = self.rng.sample(free, min(len(free), self.rng.choice((1, 1, 2))))
        if {it.uid for it in chosen} == {it.uid for it in table.key}:
            return None
        others = [set(it.columns) for it in table.constraints if not it.target]
        is_same = {it.uid for it in chosen} in others
        if is_same and not self.is_free("two UNIQUEs of the same columns"):
            return None
        uid = self.uid("k")
        options = self.constraint_name(uid, "uq")
        if self.database == "postgresql":
            options += self.some(("postgresql_nulls_not_distinct", "True"))
            options += self.deferring()
            include = self.rng.choice(table.columns).uid
            options += self.some(("postgresql_include", f"[{{{include}}}]"))
            options += self.said_of_it(app, options)
        options += self.some(("info", "{'a': 1}"))
        options += self.some(("sqlite_on_conflict", self.rng.choice(CONFLICTS)))
        return Constraint(
            uid, "UniqueConstraint", tuple(it.uid for it in chosen), options=options
        )

    def is_key_like(self, column: Column) -> bool:
        """Tell whether the values of a column can be a key."""
        return (
            column.type.family in KEYED
            and self.is_short(column)
            and column.item is None
        )

    def some(self, *options: tuple[str, str], likely: float = 0.12) -> Options:
        """Return some of the arguments."""
        return tuple(it for it in options if self.chance(likely, it[0]))

    def reference(self, app: App, table: Table) -> Constraint | None:
        """Return a foreign key to another table, or to the same."""
        targets = [
            it
            for it in app.tables
            if len(it.key) == 1 and not any("." in c.name for c in it.key)
            if self.database != "mariadb" or it.schema == table.schema
            # No row that refers to it knows which numbers the database gives.
            if not any(
                ("always", "True") in (c.item or Item("")).options for c in it.key
            )
        ]
        if not targets:
            return None
        target = self.rng.choice(targets)
        key = target.key[0]
        fitting = [
            it
            for it in table.columns
            if it.type == key.type and not it.is_key and it.is_written and not it.item
            if not any(it.uid in k.columns for k in table.constraints if k.target)
        ]
        if not fitting:
            return None
        column = self.rng.choice(fitting)
        deletes = ["'CASCADE'", "'RESTRICT'", "'NO ACTION'"]
        deletes += ["'SET NULL'"] if column.is_nullable else []
        options = self.some(
            ("ondelete", self.rng.choice(deletes)),
            ("onupdate", "'CASCADE'"),
            ("info", "{'a': 1}"),
            likely=0.3,
        )
        if self.database != "mariadb":
            options += self.some(("match", "'FULL'")) + self.deferring()
        uid = self.uid("k")
        options += self.constraint_name(uid, "fk")
        options += self.said_of_it(app, options)
        return Constraint(
            uid,
            "ForeignKeyConstraint",
            (column.uid,),
            target=target.uid,
            options=options,
        )

    def deferring(self) -> Options:
        """Return when a key is checked, or nothing."""
        forms: tuple[Options, ...] = (
            (("deferrable", "True"),),
            (("deferrable", "False"),),
            (("deferrable", "True"), ("initially", "'DEFERRED'")),
            (("deferrable", "True"), ("initially", "'IMMEDIATE'")),
            (("deferrable", "False"), ("initially", "'IMMEDIATE'")),
        )
        return self.rng.choice(forms) if self.chance(0.25, "deferrable") else ()

    def said_of_it(self, app: App, options: Options) -> Options:
        """Return the comment of a constraint, or nothing; it needs a name."""
        is_named = app.convention or "name" in dict(options)
        given = is_named and self.chance(0.12, "a constraint's comment")
        text = self.rng.choice(("'It''s'", "'100%'", "'a:b'", "'a reference'"))
        return (("comment", text),) if given else ()

    def exclude(self, _: App, table: Table) -> Constraint | None:
        """Return an exclusion of PostgreSQL's."""
        if self.database != "postgresql":
            return None
        numbers = [it for it in table.columns if it.type.family == "integer"]
        if not numbers:
            return None
        uid = self.uid("k")
        column = self.rng.choice(numbers)
        options = (("name", repr(f"ex_{uid}")), ("using", "'btree'"))
        return Constraint(uid, "ExcludeConstraint", (column.uid,), options=options)

    def index(self, table: Table) -> Index | None:
        """Return an index of a table, or nothing."""
        free = [it for it in table.columns if self.is_key_like(it)]
        if not free:
            return None
        uid, rng = self.uid("i"), self.rng
        chosen = rng.sample(free, min(len(free), rng.choice((1, 1, 2))))
        parts = [Sql(f"{{{it.uid}}}", f"{{{it.uid}}}") for it in chosen]
        first, here = chosen[0], parts[0].text
        is_text = first.type.family == "text"
        if self.database != "mariadb" and is_text and self.chance(0.3):
            parts[0] = Sql(f"lower({here})", f"sa.func.lower({here})")
        elif self.chance(0.2, "Index.DESC"):
            parts[0] = Sql(f"{here} DESC", f"{here}.desc()")
        is_plain = parts[0].text == here
        options = self.some(("unique", "True"), ("quote", "True"), ("info", "{'a': 1}"))
        if not is_plain and not self.is_free("Index.unique of an expression"):
            options = tuple(it for it in options if it[0] != "unique")
        options += self.index_options(
            table, chosen, options, is_plain=parts[0].text == here
        )
        conditions = list[tuple[str, Sql]]()
        if self.database != "mariadb" and self.chance(0.2):
            where = [*self.conditions(first)][:1]
            conditions = [(f"{self.database}_where", it) for it in where]
        only = self.only("Index.ddl_if")
        return Index(uid, f"ix_{uid}", tuple(parts), options, tuple(conditions), only)

    def index_options(
        self, table: Table, chosen: list[Column], options: Options, *, is_plain: bool
    ) -> Options:
        """Return arguments of an index that one database has.

        :param options: those that it has.
        :param is_plain: whether it begins with a column as it is.
        """
        first = chosen[0]
        is_text = first.type.family == "text" and is_plain and len(chosen) == 1
        if self.database == "mariadb":
            found = self.some(("mariadb_using", "'btree'"))
            found += (("mysql_using", "'btree'"),) if found else ()
            if is_text:
                lengths = ("mariadb_length", "5"), ("mysql_length", "5")
                found += lengths if self.chance(0.4) else ()
            return found
        if self.database != "postgresql":
            return ()
        others = [it for it in table.columns if it not in chosen] or [first]
        found = self.some(
            ("postgresql_using", "'btree'"),
            ("postgresql_include", f"[{{{self.rng.choice(others).uid}}}]"),
            ("postgresql_with", "{'fillfactor': 70}"),
            ("postgresql_tablespace", "'pg_default'"),
        )
        if ("unique", "True") in options:
            found += self.some(("postgresql_nulls_not_distinct", "True"))
        if is_text and "CHAR" not in first.type.expression:
            words = f"{{{{{first.uid}}}: 'text_pattern_ops'}}"
            found += self.some(("postgresql_ops", words))
        return found

    def table_options(self) -> Options:
        """Return arguments of a table."""
        options = self.some(("comment", "'A table''s'"), likely=0.1)
        for name, value in (("info", "{'a': 1}"), ("quote", "True")):
            options += self.some((name, value), likely=0.05)
        options += self.some(("quote_schema", "True"), likely=0.02)
        match self.database:
            case "postgresql":
                options += self.some(
                    ("prefixes", "['UNLOGGED']"),
                    ("postgresql_with", "{'fillfactor': 70}"),
                    ("postgresql_tablespace", "'pg_default'"),
                    ("postgresql_using", "'heap'"),
                    ("postgresql_with_oids", "False"),
                    likely=0.05,
                )
            case "mariadb":
                options += self.some(
                    ("mariadb_engine", "'InnoDB'"),
                    ("mysql_charset", "'utf8mb4'"),
                    ("mariadb_row_format", "'DYNAMIC'"),
                    ("mariadb_collate", "'utf8mb4_bin'"),
                    likely=0.07,
                )
            case _:
                options += self.some(
                    ("sqlite_with_rowid", "False"),
                    ("sqlite_autoincrement", "True"),
                    likely=0.05,
                )
        return options

    def with_new_view(self, app: App) -> App:
        """Return an app with one more view."""
        if not self.chance(1, "CreateView"):
            return app
        uid, table = self.uid("v"), self.rng.choice(app.tables)
        columns = self.rng.sample(table.columns, min(2, len(table.columns)))
        options = self.some(likely=0)
        if self.database == "postgresql" and self.chance(0.2):
            options = (("materialized", "True"),)
        view = View(
            uid,
            self.name(uid),
            table.uid,
            tuple(it.uid for it in columns),
            options=options,
        )
        return replace(app, views=(*app.views, view))
