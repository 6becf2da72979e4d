"""Changes that no test can notice, and why."""

EQUIVALENT = {
    "autogenerate/refusals.py: return None -> pass": "it is the last statement",
    'runtime/locks.py: return f"alembic {str(database)[:20]} {digest.hex()[:32]}" ->'
    ' return f"alembic {str(database)[:20]} {digest.hex()[: 33]}"': "the name of a lock"
    " is as good with a digit more: 62 characters, and MySQL takes 64",
}
"""A module and what became of its line -> why that is the same to everybody."""
