"""A revision that brings rows has the tables as the revisions declare them."""

from drafts import alembic, define_thing, draft, newest
from environment import Environment


def test_my_models_are_ahead_of_the_history(project: Environment) -> None:
    """My model has a column that no revision makes yet: the rows do not speak of it."""
    project = project.using(f"sqlite:///{project.path}/x.db")
    define_thing(project, "name = sa.String(60), nullable=False", "age = sa.Integer")
    draft(project, "things")
    define_thing(project, "name = sa.String(90), nullable=False", "nick = sa.String(9)")
    project.alembic("-x", "data=thing", "revision", "-m", "seed")
    text = newest(project, "seed")
    assert 'sa.column("name", sa.String(length=60))' in text.replace("'", '"')
    assert 'sa.column("age", sa.Integer())' in text.replace("'", '"')
    assert "nick" not in text
    path = next(it for it in project.revisions() if it.name.endswith("_seed.py"))
    marked = "    # REVIEW: write the rows here"
    head, _, rest = text.partition(marked)
    rows = "    {'name': 'Ada', 'age': 7},\n"
    path.write_text(head + rows + rest.partition("\n")[2])
    project.run("flask", "db", "lock")
    alembic(project, "upgrade head", "downgrade -1")
