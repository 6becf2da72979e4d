"""Types of an app's or a package's own: a revision says what they store."""

from drafts import alembic, define_thing, draft, refusal, sql
from environment import Environment
from servers import ON_SQLITE

OWN = """
from sqlalchemy.ext.compiler import compiles
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


class Record(sa.TypeDecorator):
    impl = Document
    cache_ok = True


class LongText(sa.Text):
    pass


@compiles(LongText, "mysql")
@compiles(LongText, "mariadb")
def long_text(type_, compiler, **kw):
    return "LONGTEXT"


class Point(sa.types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **kw):
        return "POINT"
"""
COLUMNS = (
    "words = LongText",
    "price = Money",
    "document = Document",
    "record = Record",
    "place = Point",
    "email = EmailType",
    "key = UUIDType",
    "other = UUIDType(binary=False)",
)


def test_a_revision_names_no_class_of_an_app(
    project: Environment, database_url: str
) -> None:
    """My types are classes of mine and of a package; the revision knows none."""
    shop = project.using(database_url)
    define_thing(shop, *COLUMNS, before=OWN)
    script = draft(shop, "own types")
    assert 'sa.Column("price", sa.Integer()' in script
    assert script.count("sa.JSON().with_variant(") == len(["document", "record"])
    assert 'op.sql_type("POINT")' in script
    assert "LONGTEXT()" in script
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


def test_a_column_of_an_own_type_may_be_renamed(project: Environment) -> None:
    """I rename a column of each of my types, and am asked about each."""
    for old in COLUMNS:
        name = old.partition(" ")[0]
        define_thing(project, old, before=OWN)
        draft(project, f"with {name}")
        define_thing(project, f"{old.replace(name, 'new_' + name, 1)}", before=OWN)
        said = refusal(project, "revision", "--autogenerate", "-m", "renamed")
        assert f"rename=thing.{name}:new_{name}" in said
        (project.package / "things.py").unlink()
        drop = project.run("alembic", "-x", "drop=thing", "revision", "--autogenerate")
        assert drop.returncode == 0
        project.commands("upgrade head")


def test_the_words_of_a_database_are_a_type_that_is_known(
    project: Environment, database_url: str
) -> None:
    """A text becomes one that MariaDB calls LONGTEXT, and nobody has to judge it."""
    shop = project.using(database_url)
    define_thing(shop, "words = sa.Text", before=OWN)
    draft(shop, "text")
    define_thing(shop, "words = LongText", before=OWN)
    script = draft(shop, "long text")
    assert "REVIEW" not in script
    alembic(shop, "downgrade -1", "upgrade head", "check")
