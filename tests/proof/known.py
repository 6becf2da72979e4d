"""The faults that are known and not yet mended: the everyday seeds keep off them.

`python -m proof --known` makes these too. A fault that is mended leaves this list, and
its feature is then in each seed.
"""

ALL = ("sqlite", "postgresql", "mariadb")

KNOWN: dict[str, tuple[tuple[str, ...], str]] = {
    "CreateView": (ALL, "39: a view is drafted as a table"),
    "default of a str Enum": (ALL, "7: the draft is no Python"),
}
"""For each feature the databases on which it is left out, and the fault."""
