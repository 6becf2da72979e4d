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
    "operations/backfill.py: raise AssertionError -> pass": "who walks has a journal:"
    " the line tells mypy",
    "types/conversion.py: SURE_DIGITS = 18 -> SURE_DIGITS = 17": "of longer numbers the"
    " driver gives the value, and Python is asked",
    "autogenerate/order.py: return ( isinstance(op, ops.ModifyTableOps) and"
    " (op.schema, op.table_name) in made and all(isinstance(it, ops.CreateIndexOp) for"
    " it in op.ops) ) -> pass": "`drop_no_indexes_of_dropped_tables` takes out what it"
    " leaves: it saves the copies",
    "autogenerate/unmanaged.py: return False -> pass": "it is the last statement, and"
    " None is as false",
    "runtime/recovery.py: return None -> pass": "it is the last statement",
    "runtime/recovery.py: self._written = False -> self._written = True": "the same"
    " mark is written once more",
    "runtime/connect.py: one: Connection | Engine | URL -> pass": "nothing runs an"
    " annotation",
    'ddl/sqlite.py: raw.execute("RELEASE without_trigger") -> pass': "the run is undone"
    " right behind it, with its savepoints",
    'lint/mysql.py: return "" -> pass': "it is the last statement, and None is as"
    " false",
}
"""A module and what became of its line -> why that is the same to everybody."""
