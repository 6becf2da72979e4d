"""Types of an app's or a package's own: a revision says what they store."""

from drafts import alembic, define_thing, draft, sql
from environment import Environment
from servers import ON_SQLITE

OWN = """
from sqlalchemy_utils import EmailType, LtreeType, UUIDType


class Money(sa.TypeDecorator):
    impl = sa.Integer
    cache_ok = True


class Document(sa.TypeDecorator):
    impl = sa.JSON
    cache_ok = True

    def load_dialect_impl(self, dialect):
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB())
        return super().load_dialect_impl(dialect)


class Point(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **kw):
        return "POINT"
"""
COLUMNS = (
    "price = Money",
    "document = Document",
    "place = Point",
    "email = EmailType",
    "key = UUIDType",
)


def test_a_revision_names_no_class_of_an_app(
    project: Environment, database_url: str
) -> None:
    """My types are classes of mine and of a package; the revision knows none."""
    shop = project.using(database_url)
    define_thing(shop, *COLUMNS, before=OWN)
    script = draft(shop, "own types")
    assert 'sa.Column("price", sa.Integer()' in script
    assert "sa.JSON().with_variant(" in script
    assert 'op.sql_type("POINT")' in script
    assert "Money" not in script
    assert "friend_book" not in script
    alembic(shop, "downgrade -1", "upgrade head", "check")


@ON_SQLITE
def test_a_rebuild_keeps_a_type_of_the_databases_own(
    project: Environment, database_url: str
) -> None:
    """Another column of the table changes, and SQLite still says POINT."""
    shop = project.using(database_url)
    define_thing(shop, "place = Point", "name = sa.String(5)", before=OWN)
    draft(shop, "place")
    define_thing(shop, "place = Point", "name = sa.String(9)", before=OWN)
    draft(shop, "longer")
    said = sql(database_url, "SELECT type FROM pragma_table_info('thing')")
    assert ("POINT",) in said
