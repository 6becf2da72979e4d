"""Write into a draft what it costs, where that is more than an instant."""

from alembic.operations import MigrateOperation, ops

from ..lint import Harm, Server, State, examine, version_of
from ..marks import LOCKS
from ..rules import rule
from .draft import Draft
from .operations import AutocommitBlock, Note


@rule("locks", "mark", "`# LOCKS:` stands where others wait for more than an instant.")
def note_costs(draft: Draft, container: ops.OpContainer) -> None:
    """Write a comment before each operation that makes others of a server wait."""
    dialect = draft.context.dialect
    server = Server(dialect.name, version_of(dialect))
    _note(container, State(server, draft.declared))


def _note(container: ops.OpContainer, state: State) -> None:
    found: list[MigrateOperation] = []
    for op in container.ops:
        if isinstance(op, AutocommitBlock):
            state.autocommit = True
            _note(op, state)
            state.autocommit = False
        else:
            found += [Note(LOCKS, sentence) for sentence in _costs(op, state)]
        found.append(op)
    container.ops = found


def _costs(op: MigrateOperation, state: State) -> list[str]:
    """Return what an operation costs, or those in the batch of a table."""
    every = op.ops if isinstance(op, ops.ModifyTableOps) else [op]
    sentences = []
    for one in every:
        findings = examine(one, state)
        sentences += [f.sentence for f in findings if f.harm is Harm.STALLS]
        state.after(one)
    return sentences
