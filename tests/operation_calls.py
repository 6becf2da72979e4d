"""A call of each operation, as drafts make them."""

import sqlalchemy as sa
from alembic_lossless.operations.aside import (
    restore_column,
    restore_table,
    set_column_aside,
    set_table_aside,
)
from alembic_lossless.operations.backfill import backfill
from alembic_lossless.operations.columns import (
    alter_generated,
    alter_type_concurrently,
    begin_dual_write,
    end_dual_write,
    manual_change,
)
from alembic_lossless.operations.constraints import (
    create_unique_constraint_concurrently,
    drop_index_of_foreign_key,
    drop_unnamed_constraint,
    index_partitions,
    set_constraint_comment,
    set_not_null,
    validate_constraint,
)
from alembic_lossless.operations.guards import (
    refuse_duplicates,
    refuse_loss,
    refuse_missing,
    refuse_orphans,
    refuse_violations,
)
from alembic_lossless.operations.keys import (
    rename_constraints,
    rename_sequence,
    resize_sequence,
)
from alembic_lossless.operations.objects import (
    alter_domain,
    alter_sequence,
    change_enum,
    create_domain,
    create_enum,
    create_schema,
    create_sequence,
    drop_domain,
    drop_enum,
    drop_sequence,
    move_table,
    rename_enum_value,
)
from alembic_lossless.operations.views import (
    begin_table_rename,
    create_table_as,
    create_view,
    drop_view,
    end_table_rename,
    replace_view,
)

FORMULA = sa.Computed("age * 2", persisted=True)
CALLS = (
    alter_generated("a", "b", sa.Integer(), FORMULA, existing=sa.Computed("age")),
    alter_generated("a", "b", sa.Integer(), None, existing=sa.Identity(), counts=True),
    alter_sequence("seq", increment=2, existing={"start": 1}),
    alter_type_concurrently(
        "a",
        "b",
        sa.Enum("x", name="kind"),
        existing_type=sa.String(9),
        existing_nullable=False,
        existing_server_default=sa.DefaultClause("x"),
        postgresql_using="b::kind",
        schema="s",
    ),
    backfill("a", "b", sa.column("c")),
    backfill("a", "b", "it's", schema="s"),
    begin_dual_write("a", "b", "c"),
    begin_table_rename("a", "b", renamed=True, schema="s"),
    change_enum("kind", ["x"], ["x", "y"], {}),
    alter_domain("kind", sa.Integer(), check="VALUE > 1", existing={"default": "7"}),
    create_domain("kind", sa.Integer(), schema="s", not_null=True),
    drop_domain("kind", sa.Integer(), check="VALUE > 0"),
    index_partitions("ix", "a", ["b"], unique=True, postgresql_using="hash"),
    create_table_as("a", "SELECT 1 AS b"),
    create_view("a", {"sqlite": "SELECT 1", "mysql": "SELECT 2"}, schema="s"),
    create_view("a", "SELECT 1", materialized=True),
    create_view("a", "SELECT 1", postgresql_with={"security_barrier": True}),
    drop_view("a", schema="s", materialized=True, if_exists=True),
    replace_view("a", "SELECT 1\nFROM b"),
    create_enum("kind", ["x", "y"], schema="s"),
    create_schema("s"),
    create_sequence("seq", start=1, cycle=True, if_not_exists=True, schema="s"),
    create_unique_constraint_concurrently("uq", "a", ["b"]),
    drop_enum("kind"),
    drop_sequence("seq", start=1, if_exists=True),
    drop_index_of_foreign_key("a", "fk", schema="s"),
    drop_unnamed_constraint("a", ["b"], type_="unique"),
    end_dual_write("a", "b", "c"),
    end_table_rename("a", "b"),
    move_table("a", "t", schema="s"),
    manual_change("a", "b", schema="s", mysql_collate="utf8mb4_bin"),
    manual_change("a", mysql_engine="Aria", postgresql_with={"fillfactor": 70}),
    refuse_duplicates("a", ["b", "c"]),
    refuse_loss("a", "b", sa.Numeric(10, 2)),
    refuse_missing("a", None, ("b", "id"), 1),
    refuse_orphans("a", ["b_id"], "b", ["id"]),
    refuse_violations("a", "age > 0", ["age"]),
    rename_enum_value("a", "b", "x", "y"),
    rename_constraints("a", {"b_pkey": "a_pkey"}),
    rename_sequence("a", "b", "old", "new"),
    resize_sequence("a", "id", 64),
    restore_column(
        "a",
        "b",
        until="2027-01-31",
        existing_type=sa.String(9),
        existing_server_default=sa.DefaultClause("x"),
        schema="s",
    ),
    restore_table("a", until="2027-01-31"),
    set_column_aside("a", "b", until="2027-01-31", existing_type=sa.Text()),
    set_constraint_comment("ck", "a", "b", existing_comment="c", schema="s"),
    set_not_null("a", "b", existing_type=sa.Text(), existing_comment="c"),
    set_table_aside("a", until="2027-01-31", schema="s"),
    validate_constraint("ck", "a"),
)
"""Calls as drafts make them, with each operation at least once."""
