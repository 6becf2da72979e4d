"""What the migrations look after: all metadatas that are listed, and no other."""

from pathlib import Path

import pytest
from rendering import Project, generated
from scripts import tables

SECOND = """

class Note(NoteModel):
    \"\"\"A remark, in a metadata of its own.\"\"\"

    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
"""


def with_two_metadatas(project: Project) -> None:
    """Give the one database a second metadata, as its README says."""
    one = "MetaData(naming_convention=NAMING_CONVENTION)"
    project.edit("engines.py", f'"default": {one}', f'"default": [{one}, NOTES]')
    project.edit("engines.py", "metadatas = ", "NOTES = MetaData()\nmetadatas = ")
    project.edit("db.py", 'metadatas["default"]', 'metadatas["default"][0]')
    models = project.package / "models.py"
    base = (
        "from sqlalchemy.orm import DeclarativeBase\n\nfrom .engines import NOTES\n\n\n"
        "class NoteModel(DeclarativeBase):\n"
        '    """Another base."""\n\n    metadata = NOTES\n'
    )
    models.write_text(models.read_text() + "\n" + base + SECOND)


def test_a_list_of_metadatas_is_one_database(project: Project) -> None:
    """I spread my tables over two metadatas, and autogenerate sees both."""
    project.alembic("upgrade", "head")
    with_two_metadatas(project)
    project.alembic("revision", "--autogenerate", "-m", "notes")
    drafted = project.revisions()[-1].read_text()
    assert 'create_table(\n        "note"' in drafted
    assert 'drop_table("friend"' not in drafted
    project.alembic("upgrade", "head")
    project.alembic("check")


def test_a_table_in_two_metadatas_is_named(project: Project) -> None:
    """I declare a table twice, and the message names it."""
    with_two_metadatas(project)
    project.edit("models.py", '__tablename__ = "note"', '__tablename__ = "friend"')
    done = project.alembic("check", status=None)
    assert done.returncode != 0
    assert "The table friend is in 2 metadatas of the database default" in done.stdout


STOCK = '''"""Somebody else's table."""

from sqlalchemy.orm import Mapped, mapped_column

from .db import Model


class Stock(Model):
    """What the warehouse has; its own owner migrates it."""

    __tablename__ = "stock"
    __bind_key__ = "warehouse"

    id: Mapped[int] = mapped_column(primary_key=True)
'''


@pytest.mark.parametrize("databases", ["one", "several"])
def test_an_external_bind_is_left_alone(databases: str, tmp_path: Path) -> None:
    """I read from a bind that is not mine, and no revision is about its tables."""
    shop = generated(tmp_path, databases=databases)
    (shop.package / "stock.py").write_text(STOCK)
    warehouse = tmp_path / "warehouse.db"
    binds = {"warehouse": f"sqlite:///{warehouse}"}
    connect = "    db.init_app(app)"
    shop.edit(
        "__init__.py",
        connect,
        f"    app.config['SQLALCHEMY_BINDS'] = {binds}\n{connect}",
    )
    shop.run("flask", "db", "upgrade")
    shop.run("flask", "db", "check")
    shop.alembic("check")
    assert not warehouse.exists()
    assert "stock" not in tables(f"sqlite:///{tmp_path / shop.name / 'main.db'}")
