"""I look at the history and at the tables of any revision."""

from xml.etree import ElementTree as ET

from drafts import alembic
from environment import Environment
from scripts import empty, write

MAKE = 'op.create_table("t_{0}", sa.Column("id", sa.Integer(), primary_key=True))'

DOWNS: dict[str, object] = {
    "a": None,
    "b": "a",
    "c": "b",
    "x": "b",
    "y": "x",
    "z": "x",
    "d": ("c", "y"),
    "e": "d",
}
"""A history with a branch that is merged, and one that is not."""

GRAPH = """\
o      e  e  (head, after the deployment)
*      d  d
|\\
* |    c  c
| | o  z  z  (head, left)
| * |  y  y
| |/
| *    x  x  (squashed from 3)
|/
*      b  b
*      a  a

* applied  o pending
"""


def branched(project: Environment) -> Environment:
    """Give a project the history, applied up to the merge."""
    project = empty(project.using(f"sqlite:///{project.path}/x.db"))
    more = {
        "e": "phase = 'after'",
        "x": "replaces = ('v', 'w')",
        "z": "branch_labels = ('left',)",
    }
    for name, down in DOWNS.items():
        path = write(project, name, MAKE.format(name), f'op.drop_table("t_{name}")')
        says = f"down_revision = {down!r}"
        text = path.read_text().replace("down_revision = None", says)
        own = f"depends_on = None\n{more.get(name, '')}"
        path.write_text(text.replace("depends_on = None", own))
    alembic(project, "upgrade d")
    return project


def typed(project: Environment, *arguments: str, status: int = 0) -> str:
    """Run a command, and return what it prints."""
    return project.run("flask", "db", *arguments, status=status).stdout


def test_the_history_is_drawn(project: Environment) -> None:
    """I see branches, merges, what is applied, and what a revision says of itself."""
    project = branched(project)
    assert typed(project, "history", "--graph") == GRAPH
    part = typed(project, "history", "--graph", "-r", "d:e")
    assert [line[0] for line in part.splitlines() if line] == ["o", "*", "*"]


def test_the_history_is_a_file(project: Environment) -> None:
    """I put the picture beside my documentation: all is in it, and it is SVG."""
    project = branched(project)
    path = project.path / "history.svg"
    assert typed(project, "history", "--svg", str(path)) == ""
    found = ET.parse(path)  # noqa: S314  ours
    texts = [it.text for it in found.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "e  e  (head, after the deployment)"
    assert texts[-2:] == ["applied", "pending"]
    circles = [*found.iter("{http://www.w3.org/2000/svg}circle")]
    assert len(circles) == len(DOWNS) + 2
    paths = [*found.iter("{http://www.w3.org/2000/svg}path")]
    assert len(paths) >= len(DOWNS)
    said = typed(project, "history", "--svg", "/none/x.svg", status=255)
    assert "FAILED: /none/x.svg cannot be written: No such file" in said


def test_the_history_of_a_lock_file(project: Environment) -> None:
    """A revision was edited after it was locked, and one has no line: I see which."""
    project = branched(project)
    typed(project, "lock")
    folder = project.package / "migrations" / "versions"
    path = folder / "c.py"
    path.write_text(path.read_text().replace("t_c", "t_changed"))
    write(project, "new", "pass", down="e")
    drawn = typed(project, "history", "--graph")
    assert "new  new  (head, not locked)" in drawn
    assert "c  c  (edited)" in drawn
    (folder / "history.lock").write_text("<<<<<<< HEAD\n")
    assert "(edited)" not in typed(project, "history", "--graph")


def test_the_history_without_its_database(project: Environment) -> None:
    """The server is away: the branches are drawn all the same, and I am told."""
    project = branched(project).using("postgresql://nobody@127.0.0.1:1/none")
    done = project.run("flask", "db", "history", "--graph")
    assert "d  d" in done.stdout
    assert "applied" not in done.stdout
    assert "does not answer: what is applied is not known." in done.stderr


def test_the_tables_of_any_revision(project: Environment) -> None:
    """I look at the tables as they were, and at what two revisions changed."""
    project = branched(project)
    change = """\
op.add_column("t_a", sa.Column("name", sa.String(9), unique=True))
with op.batch_alter_table("t_b") as batch:
    batch.add_column(sa.Column("a_id", sa.Integer, sa.ForeignKey("t_a.id", name="f")))
op.alter_column("t_c", "id", type_=sa.BigInteger(), existing_type=sa.Integer())
op.drop_table("t_d")"""
    write(project, "m", change, down="e")
    tables = typed(project, "diagram", "b").splitlines()
    assert tables == [
        "erDiagram",
        *('    "t_a" {', "        INTEGER id PK", "    }"),
        *('    "t_b" {', "        INTEGER id PK", "    }"),
    ]
    lines = [it.strip() for it in typed(project, "diagram", "e..m").splitlines()]
    assert lines == [
        "erDiagram",
        *('"t_a" {', 'VARCHAR(9) name UK "added"', "}"),
        *('"t_b" {', 'INTEGER a_id FK "added"', "}"),
        *('"t_c" {', 'BIGINT id PK "was INTEGER NOT NULL PK"', "}"),
        *('"t_d" {', 'INTEGER id PK "dropped"', "}"),
        '"t_a" |o--o{ "t_b" : "a_id added"',
    ]
    for given in ("never", "a..never"):
        said = typed(project, "diagram", given, status=255)
        assert said == "FAILED: Can't locate revision identified by 'never'\n"
