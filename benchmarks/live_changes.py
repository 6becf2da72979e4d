"""Changes of a table in use, and what two versions of an app write to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COLUMNS = {
    "id": "sa.BigInteger, primary_key=True",
    "name": "sa.String(100), nullable=False",
    "code": "sa.String(40), nullable=False",
    "amount": "sa.Integer, nullable=False",
    "owner_id": "sa.Integer, nullable=False",
    "note": "sa.String(40)",
    "kind": 'sa.Enum("a", "b", name="kind"), nullable=False',
    "label": "sa.String(40), nullable=False",
    "gone": "sa.String(40), nullable=False",
}
"""The table `event`, as the old version of the app knows it."""

WRITES = {
    "name": "'a name'",
    "code": ":code",
    "amount": "1",
    "owner_id": "1",
    "kind": "'a'",
    "label": "'a label'",
    "gone": "'x'",
}
"""What the old version writes into a new row: column -> SQL."""


@dataclass(frozen=True)
class Shape:
    """What the table is otherwise than the usual one."""

    columns: dict[str, str] = field(default_factory=dict)
    arguments: str = ""
    """What `__table_args__` gets, behind what a change adds."""
    more: str = ""
    """Another line of the model."""
    statements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What is executed behind the first revision, by the kind of server."""
    writes: dict[str, str] = field(default_factory=dict)
    where: str = "id = :id"
    """What finds a row by an index."""

    def lines(
        self, changes: Mapping[str, str | None] | None = None, arguments: str = ""
    ) -> str:
        """Return the body of the model after changes."""
        every = COLUMNS | self.columns | dict(changes or {})
        body = [f"    {name} = sa.Column({it})" for name, it in every.items() if it]
        if given := [it for it in (arguments, self.arguments) if it]:
            body.append(f"    __table_args__ = ({', '.join(given)},)")
        return "\n".join([*body, self.more])


PARTS = 4
SHAPES = {
    "": Shape(),
    "composite-key": Shape(
        {"id": "sa.BigInteger, autoincrement=False"},
        "sa.PrimaryKeyConstraint('owner_id', 'id')",
        writes={"id": ":new"},  # MariaDB counts no second column of a key
        where="owner_id = 1 AND id = :id",
    ),
    "no-key": Shape(
        {"id": "sa.BigInteger, nullable=False, index=True"},
        more='    __mapper_args__ = {"primary_key": [id]}',
        writes={"id": ":new"},
    ),
    "partitioned": Shape(
        arguments="{'postgresql_partition_by': 'RANGE (id)'}",
        statements={
            "PostgreSQL": (
                *(
                    f"CREATE TABLE event_{n} PARTITION OF event FOR VALUES FROM"
                    f" ({n} * :rows / {PARTS} + 1) TO ({n + 1} * :rows / {PARTS} + 1)"
                    for n in range(PARTS)
                ),
                "CREATE TABLE event_rest PARTITION OF event DEFAULT",
            ),
            "MariaDB": (
                f"ALTER TABLE event PARTITION BY HASH (id) PARTITIONS {PARTS}",
            ),
        },
    ),
    "generated": Shape(
        {"twice": 'sa.Integer, sa.Computed("amount * 2", persisted=True)'}
    ),
}
"""The tables: the usual one, and those that ask more of a batch."""


@dataclass(frozen=True)
class Change:
    """What becomes of the models, and of what the app writes."""

    title: str
    columns: dict[str, str | None] = field(default_factory=dict)
    """Column -> what it is now; None for one that goes."""
    arguments: str = ""
    """What `__table_args__` gets."""
    answers: tuple[str, ...] = ()
    writes: dict[str, str | None] = field(default_factory=dict)
    """What the new version writes otherwise than the old one."""
    holds: str = ""
    """What somebody does in a transaction that is open for seconds meanwhile."""
    shape: str = ""
    """The table, where it is not the usual one."""

    def models(self) -> str:
        """Return the columns of the model after the change."""
        return SHAPES[self.shape].lines(self.columns, self.arguments)

    def old_writes(self) -> dict[str, str]:
        """Return what the old version writes into a row."""
        return WRITES | SHAPES[self.shape].writes

    def new_writes(self) -> dict[str, str]:
        """Return what the new version writes into a row."""
        every = self.old_writes() | self.writes
        return {name: value for name, value in every.items() if value is not None}


FILLED: dict[str, Any] = {
    "columns": {"note": COLUMNS["note"] + ", nullable=False"},
    "answers": ("fill=event.note:none",),
    "writes": {"note": "'a note'"},
}
"""NOT NULL, with a fill."""

INDEXED: dict[str, Any] = {"columns": {"name": COLUMNS["name"] + ", index=True"}}
"""An index."""

CHANGES = {
    "index": Change("an index", **INDEXED),
    "unique": Change("unique", {"code": COLUMNS["code"] + ", unique=True"}),
    "foreign-key": Change(
        "a foreign key",
        {"owner_id": 'sa.Integer, sa.ForeignKey("owner.id"), nullable=False'},
    ),
    "not-null": Change("NOT NULL, with a fill", **FILLED),
    "narrower": Change(
        "String(100) to String(60)", {"name": "sa.String(60), nullable=False"}
    ),
    "wider": Change(
        "String(100) to String(200)", {"name": "sa.String(200), nullable=False"}
    ),
    "bigint": Change(
        "Integer to BigInteger", {"amount": "sa.BigInteger, nullable=False"}
    ),
    "check": Change(
        "a CHECK", arguments='sa.CheckConstraint("amount >= 0", name="amount_positive")'
    ),
    "column": Change(
        "a NOT NULL column with a fill",
        {"size": "sa.Integer, nullable=False"},
        answers=("fill=event.size:0",),
        writes={"size": "1"},
    ),
    "drop": Change(
        "a column is dropped",
        {"gone": None},
        answers=("drop=event.gone",),
        writes={"gone": None},
    ),
    "rename": Change(
        "a column is renamed",
        {"label": None, "title": COLUMNS["label"]},
        answers=("rename=event.label:title",),
        writes={"label": None, "title": "'a label'"},
    ),
    "enum": Change(
        "another value of an Enum",
        {"kind": 'sa.Enum("a", "b", "c", name="kind"), nullable=False'},
        writes={"kind": "'c'"},
    ),
    "computed": Change(
        "a generated column",
        {"twice": 'sa.Integer, sa.Computed("amount * 2", persisted=False)'},
    ),
    "held-row": Change(
        "NOT NULL, with a fill, and a row that is held",
        **FILLED,
        holds="UPDATE event SET note = note WHERE id = 1001",
    ),
    "long-transaction": Change(
        "an index, and a long transaction",
        **INDEXED,
        holds="SELECT name FROM event WHERE id = 1",
    ),
    "composite-key": Change(
        "NOT NULL, with a fill, and a key of two columns",
        **FILLED,
        shape="composite-key",
    ),
    "no-key": Change("NOT NULL, with a fill, and no key", **FILLED, shape="no-key"),
    "partitioned": Change(
        "NOT NULL, with a fill, and partitions", **FILLED, shape="partitioned"
    ),
    "partitioned-index": Change(
        "an index, and partitions", **INDEXED, shape="partitioned"
    ),
    "generated": Change(
        "NOT NULL, with a fill, and a generated column", **FILLED, shape="generated"
    ),
}
