"""What the generator leaves out, with the reason; a test asks for all the rest."""

TYPES = {
    "collation_schema": "a collation in a schema has to be made first",
    "pickler": "how Python writes it",
    "comparator": "how Python compares it",
    "retrieve_as_bitwise": "how Python reads a SET",
    "storage_format": "given with `regexp`, or SQLAlchemy cannot read what it writes",
    "regexp": "given with `storage_format`",
    "truncate_microseconds": "against `storage_format`",
    "TEXT.length": "PostgreSQL makes no such column, and others a longer type",
    "Enum.collation": "a PEP 435 class has none, and no draft is asked for it",
    **dict.fromkeys(
        [f"ENUM.{it}" for it in ("name", "create_type", "length", "collation")],
        "as sa.Enum",
    ),
    **dict.fromkeys(
        [
            f"{cls}.{it}"
            for cls in ("ENUM", "SET")
            for it in ("charset", "ascii", "binary", "unicode", "national")
        ],
        "the table has a charset",
    ),
    "SET.collation": "the table has a charset",
    "SET.length": "the words have it",
    **dict.fromkeys(
        [f"DOMAIN.{it}" for it in ("name", "data_type")], "given by its place"
    ),
    **dict.fromkeys(
        [
            f"DOMAIN.{it}"
            for it in ("create_type", "schema", "metadata", "inherit_schema", "quote")
        ],
        "how it is made, or where",
    ),
}
"""Arguments of types, by their name or with their class before it."""

PLACED = {
    "name",
    "type_",
    "args",
    "columns",
    "expressions",
    "sqltext",
    "refcolumns",
    "metadata",
    "item_type",
    "dialect_kw",
    "dialect_kwargs",
    "kw",
}
"""What is given by its place, or stands for others."""

ARGUMENTS = {
    "Column.key": "the name of a column in Python alone",
    "CheckConstraint.table": "as a part of the table",
    "ForeignKeyConstraint.table": "as a part of the table",
    "CheckConstraint.deferrable": "no database can",
    "CheckConstraint.initially": "no database can",
    **dict.fromkeys(
        [
            f"PrimaryKeyConstraint.{it}"
            for it in (
                "deferrable",
                "initially",
                "info",
                "postgresql_include",
                "mysql_using",
            )
        ],
        "the columns say it; the others are named as not compared",
    ),
    "Identity.on_null": "SQLAlchemy warns: oracle_on_null is its name",
    "Sequence.order": "Oracle's",
    "Identity.order": "SQLAlchemy warns: oracle_order is its name",
    "Index.postgresql_concurrently": "how it is made, outside of a transaction",
    "Index.mysql_prefix": "FULLTEXT and SPATIAL have no order to compare",
    "Index.mysql_with_parser": "MariaDB has no parser beside its own",
    "CheckConstraint.postgresql_not_valid": "how it is made",
    "ForeignKeyConstraint.postgresql_not_valid": "how it is made",
    "Column.sqlite_on_conflict_primary_key": "as that of a PrimaryKeyConstraint",
    "Table.postgresql_partition_by": "rows go into partitions, made by hand",
    "Table.postgresql_inherits": "rows are then in two tables",
    "Table.mysql_*": "those that MariaDB has are made by their names",
    "Table.sqlite_strict": "it takes five types",
    "ForeignKeyConstraint.use_alter": "how it is made",
    "ForeignKeyConstraint.link_to_name": "how names are read",
    "Table.autoload_with": "how it is read, likewise the next five",
    "Table.autoload_replace": "see autoload_with",
    "Table.keep_existing": "see autoload_with",
    "Table.extend_existing": "see autoload_with",
    "Table.resolve_fks": "see autoload_with",
    "Table.include_columns": "see autoload_with",
    "Table.implicit_returning": "how rows are written",
    "Table.listeners": "for programs",
    "Table.postgresql_ignore_search_path": "how it is read",
    "Table.postgresql_on_commit": "of temporary tables",
}
"""Arguments of what a table is made of."""

SILENT = {
    "info": "for people and programs",
    "doc": "for people and programs",
    "key": "the name of a column in Python",
    "quote": "how a name is written",
    "quote_schema": "how a name is written",
    "Column.default": "Python gives it; a Sequence is compared",
    "Column.insert_default": "Python gives it",
    "Column.onupdate": "Python gives it",
    "Column.server_onupdate": "says that the database does it by itself",
    "Column.insert_sentinel": "for the order of returned rows",
    "Column.index": "an Index",
    "Column.unique": "a UniqueConstraint",
    "Identity.oracle_on_null": "Oracle's",
    "Sequence.optional": "then there is none",
    "Sequence.for_update": "when Python asks for the next value",
}
"""Arguments that the generator gives, and no database hears of, and why."""

CHANGES = {
    "a table is dropped that another refers to": "the rows that a key of the downgrade"
    " refers to are gone: it stops, and says which rows",
    "a column comes or goes that has one NULL": "by NULLS NOT DISTINCT: each row has"
    " NULL there when it is added or comes back; PostgreSQL says so, and undoes all",
    "two UNIQUEs are alike, and one comes or goes": "PostgreSQL makes one, with the"
    " name of the first: a draft keeps the one that is there",
    "a column of pickles is dropped": "and NOT NULL: revisions know that it has bytes,"
    " and the empty ones that the downgrade says it invents are no pickle",
}
"""Changes of which no outcome with three rows is right."""

OF_POSTGRESQL = {
    "a column comes or goes that has one NULL",
    "two UNIQUEs are alike, and one comes or goes",
}
"""Those of them that are right elsewhere."""
