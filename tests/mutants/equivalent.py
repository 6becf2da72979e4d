"""Changes that no test can notice, and why."""

EQUIVALENT = {
    "autogenerate/refusals.py: return None -> pass": "it is the last statement",
    "runtime/connect.py: return None -> pass": "nothing stands behind the `try`",
    "runtime/online.py: return None -> pass": "it is the last statement",
    'lint/runner.py: self._file = "" -> pass': "`judging` says it before it is read",
    'operations/guards.py: "DEALLOCATE PREPARE guard", -> ': "the next PREPARE of that"
    " name does it, or the end of the script's session",
    'runtime/locks.py: return f"alembic {str(database)[:20]} {digest.hex()[:32]}" ->'
    ' return f"alembic {str(database)[:20]} {digest.hex()[: 33]}"': "the name of a lock"
    " is as good with a digit more: 62 characters, and MySQL takes 64",
}
"""A module and what became of its line -> why that is the same to everybody."""
