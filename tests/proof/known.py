"""The faults that are known and not yet mended: the everyday seeds keep off them.

`python -m proof --known` makes these too. A fault that is mended leaves this list, and
its feature is then in each seed.
"""

from .left_out import CHANGES, OF_POSTGRESQL

KNOWN: dict[str, tuple[tuple[str, ...], str]] = {
    "storage_format": (
        ("sqlite",),
        "a DATE in a form of its own becomes text, and does not come back from it",
    ),
    "seed 531040": (
        ("sqlite",),
        "a number under a CHECK becomes text: the run stops there, and not before",
    ),
}
"""For each feature the databases on which it is left out, and the fault.

With a seed, it is a fault of several things together, which seeds may still make.
"""


MENDED = (
    "a view was drafted as a table",
    "a DOMAIN was made without its CHECK, NOT NULL and default",
    "the CHECK of an Enum or a Boolean did not change with its values",
    "an argument of a type of MariaDB's (UNSIGNED, fsp, charset) was not compared",
    "a table that moved to a schema was dropped with its rows; it is refused",
    "an Identity with `oracle_on_null` was written in two ways",
    "an Enum that is text lost a value that rows hold, without a word",
    "a column with another formula lost NOT NULL and its comment",
    "a formula was added before the columns it speaks of",
    "a table's name could not change in its case alone on SQLite",
    "the guard of a unique index with DESC was no SQL",
    "MariaDB: TEXT(70000) with a collation was never clean",
    "MariaDB: a key with an identity stopped counting with another type",
    "an identity could not become a default, nor a default an identity",
    "SQLite: a formula of a column called values was written without quotes",
    "a revision had no argument of an Interval",
    "what is for other databases (`ddl_if`) was drafted",
    "a table that was dropped came back with the CHECK of a type twice",
    "SQLite: a UNIQUE that becomes a unique index stayed beside it",
    "the order of an Enum's values was not compared",
    "constraints of a renamed table kept the names that they had",
    "SQLite: NUMERIC that becomes DECIMAL was clean and stayed what it was",
    "MariaDB: an index with DESC was never clean",
    "SQLite: bytes that became VARBINARY became 0",
    "a Numeric of 1.00 was no truth to the guard of a downgrade to Boolean",
    "PostgreSQL: the guard took the spaces that fill a CHAR up for a part of its text",
    "a DOMAIN with a collation was never clean",
    "SQLite: DATETIME and TIME of a zone were written without it, and never clean",
    "the CHECK of a Boolean or an Enum did not change with its name",
    "SQLite: a collation stayed where a type came back that has none",
    "SQLite: of two type CHECKs of one name an alteration kept one; it is refused",
    "a dropped table whose parent another change altered stopped the draft",
    "MariaDB: REAL and DOUBLE with UNSIGNED or ZEROFILL were never clean",
    "SQLite and MariaDB: NULL of a column with an identity was not compared",
    "MariaDB: a draft with a rename warned of INET6, which SQLAlchemy does not know",
    "a default that an Enum no longer has was dropped without a word",
    "PostgreSQL: a key whose foreign key is made later got a sequence",
    "a column with a default and a foreign key came back referring to rows gone",
    "a unique column with a default came back with it in each row, and failed",
    "PostgreSQL: a table called quo'te could not be compared: Alembic's own reading",
    "a dropped table came back without AUTOINCREMENT, UNLOGGED or DEFERRABLE",
    "PostgreSQL: an Enum that one column left and another got kept its values",
    "MariaDB: an optional Sequence, which a column counts by there, was not made",
    "SQLite: WITHOUT ROWID was not compared",
    "SQLite: a text that became sa.UUID became a number; MATCH was lost in a rebuild",
    "PostgreSQL: a NOT NULL column of a DOMAIN came back with NULL, and failed",
    "a CHECK without a name was not compared",
    "MariaDB: a foreign key to a new table stopped in the middle where rows refer",
    "a key without a name came back without MATCH or DEFERRABLE",
    "a NOT NULL column with an EXCLUDE came back with one value everywhere, and failed",
    "a column that was an identity kept NOT NULL; one that became one failed",
    "SQLite: a rebuild of what says ON CONFLICT, or of a DEFERRABLE key, was refused",
    "the default of an Enum that is none of its values was written; it is refused",
    "SQLite: an identity could not be added to a table with rows",
    "MariaDB: a name with a backtick was never clean",
    "MariaDB: a comment behind a default that was no number was never clean",
    "MariaDB: a fill that refers to a new table stopped in the middle",
    "MariaDB: a type that made unique values alike stopped in the middle",
    "MariaDB: a key whose tables create_all made was dropped by another name",
    "a moment with fewer digits of a second was rounded without a word",
    "PostgreSQL: the comments of constraints were not made, nor compared",
    "a key with NOT DEFERRABLE came back without, which SQLite reads as an error",
    "a table that moves to another schema was left to its author",
    "of two UNIQUEs without a name the wrong one was dropped, or none was made",
    "a column was dropped before the formula that spoke of it became another one",
    "a unique index of some rows did not look at them before it was made",
    "of two constraints without a name that say the same the first was dropped",
    "PostgreSQL: a CHECK or an index kept casts to the type that its column had before",
    "PostgreSQL: an Enum could not become text under a CHECK or an index of some rows",
    "of several CHECKs that say the same all were dropped",
    "a CHECK without a name came back without the column's name in its own",
    "the comment of a CHECK for one kind of database never changed",
    "MariaDB: an index's name could not pass on where a foreign key needs the index",
    "a unique column that gets one value in every row was not looked at before",
    "an index for some databases was dropped before its table had the name it is told",
    "PostgreSQL: an index of an expression with a moment in it was never clean",
    "in SQL text a column's new name had no quotes where it needs them",
    "a key of the same columns as one without a name was not dropped, or twice",
    "a foreign key that only got another name kept the old one",
    "a unique column that is filled was not looked at with what fills it",
    "SQLite: a downgrade took unique texts that spell UUIDs for one number",
    "PostgreSQL: a DOMAIN of texts did not become one of numbers, as a downgrade wants",
    "PostgreSQL: rows without a value were not looked at before a key that lets in one",
    "MariaDB: a text that is NATIONAL and BINARY was never clean",
    "a constraint without a name that went was called a change by hand",
    "MariaDB: a text that says the collation of its table was never clean",
    "PostgreSQL: a CHECK kept casts to NCHAR",
    "a key that may be NULL in the models was never clean",
    "SQLite: the CHECK of an Enum that is a type elsewhere was not compared",
    "PostgreSQL: a draft made the Enum of a table that no revision made",
    "PostgreSQL: a column did not get another type under a formula",
    "a unique column that is filled was not looked at where it had been unique before",
    "MariaDB: the index of a foreign key stayed after its second drop",
    "PostgreSQL: a fill of a REGCLASS that is no name was taken",
    "a server default became a text of the same number, which PostgreSQL tells apart",
    "PostgreSQL: a value was not looked at before its column got another DOMAIN",
    "MariaDB: a column lost its comment by a change that only SQLite knows",
    "SQLite: ON CONFLICT did not come back to a column with another name",
)
"""The faults that were found here, or that it saw too, and that are mended."""


def known_on(database: str) -> set[str]:
    """Return the features with a known fault on a database, or no right outcome."""
    found = {name for name, (databases, _) in KNOWN.items() if database in databases}
    elsewhere = set() if database == "postgresql" else OF_POSTGRESQL
    return found | CHANGES.keys() - elsewhere
