"""Changes of a table in use, and what two versions of an app write to it."""

from dataclasses import dataclass, field

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
    key: tuple[str, ...] = ()
    """The primary key, where it is another one."""

    def models(self) -> str:
        """Return the columns of the model after the change."""
        after = {k: v for k, v in (COLUMNS | self.columns).items() if v is not None}
        return lines(after, self.arguments, self.key)

    def new_writes(self) -> dict[str, str]:
        """Return what the new version writes into a row."""
        every = WRITES | self.writes
        return {name: value for name, value in every.items() if value is not None}


def lines(
    columns: dict[str, str], arguments: str = "", key: tuple[str, ...] = ()
) -> str:
    """Return the body of a model."""
    if key:
        columns = {**columns, "id": "sa.BigInteger, autoincrement=True"}
        arguments = f"sa.PrimaryKeyConstraint({', '.join(map(repr, key))})"
    body = [f"    {name} = sa.Column({given})" for name, given in columns.items()]
    if arguments:
        body.append(f"    __table_args__ = ({arguments},)")
    return "\n".join(body)


CHANGES = {
    "index": Change("an index", {"name": COLUMNS["name"] + ", index=True"}),
    "unique": Change("unique", {"code": COLUMNS["code"] + ", unique=True"}),
    "foreign-key": Change(
        "a foreign key",
        {"owner_id": 'sa.Integer, sa.ForeignKey("owner.id"), nullable=False'},
    ),
    "not-null": Change(
        "NOT NULL, with a fill",
        {"note": COLUMNS["note"] + ", nullable=False"},
        answers=("fill=event.note:none",),
        writes={"note": "'a note'"},
    ),
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
    "held-row": Change(
        "NOT NULL, with a fill, and a row that is held",
        {"note": COLUMNS["note"] + ", nullable=False"},
        answers=("fill=event.note:none",),
        writes={"note": "'a note'"},
        holds="UPDATE event SET note = note WHERE id = 1001",
    ),
    "long-transaction": Change(
        "an index, and a long transaction",
        {"name": COLUMNS["name"] + ", index=True"},
        holds="SELECT name FROM event WHERE id = 1",
    ),
    "composite-key": Change(
        "NOT NULL, with a fill, and a key of two columns",
        {"note": COLUMNS["note"] + ", nullable=False"},
        answers=("fill=event.note:none",),
        writes={"note": "'a note'"},
        key=("owner_id", "id"),
    ),
}
