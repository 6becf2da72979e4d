"""Changes that no test can notice, and why."""

EQUIVALENT = {
    "autogenerate/refusals.py: return None -> pass": "it is the last statement",
}
"""A module and what became of its line -> why that is the same to everybody."""
