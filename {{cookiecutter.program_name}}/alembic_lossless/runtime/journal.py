"""An `autocommit_block()` that stopped goes on where it stopped.

In such a block each statement is committed by itself, so that no lock is held longer
than one statement needs it. Its number, and a digest of all that came before, is
written down with it: a later run passes over what is done, and refuses a file that now
says something else.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.schema import CreateIndex

from ..internals import executed_by, execution_of
from ..rules import rule
from . import online
from .patience import limited, patiently, short_transaction, unlimited
from .progress import shown
from .statements import commits_itself, unless_done, written_down

log = logging.getLogger(__name__)

T = TypeVar("T")
READS = re.compile(r"\s*(SELECT|SHOW|SET|WITH)\b", re.IGNORECASE)
ALONE = re.compile(
    r"\bCONCURRENTLY\b|^\s*(VACUUM|REINDEX|ALTER\s+TYPE\s+\S+\s+ADD\s+VALUE)",
    re.IGNORECASE,
)
"""What PostgreSQL refuses in a transaction, or does not let be used in the same one."""


class Passed(NamedTuple):
    """How far a revision came: so many statements, with this digest of their texts."""

    number: int
    digest: str
    begun: bool = False
    """Whether the statement after them had begun, and may be done."""


def journal_of(migration: MigrationContext) -> "Journal | None":
    """Return the journal of the revision that runs, if its steps are written down."""
    found: Journal | None = migration.opts.get("journal")
    return found


class Journal:
    """The statements of one revision on one database, those that are done and to do."""

    def __init__(
        self,
        migration: MigrationContext,
        write: Callable[[Passed | None], None],
        passed: Passed | None = None,
        wait: float = 300,
        *,
        live: bool = False,
    ) -> None:
        """Begin a revision, or go on with it.

        :param write: writes down how far the revision came, in the transaction that is
            open; None means: no further than its begin, as far as is known.
        :param passed: what an earlier run wrote down.
        :param wait: seconds after which a lock that cannot be had is an error.
        :param live: whether the revision is made for people at work.
        """
        self.live = live
        self._migration = migration
        self._write = write
        self._passed = passed
        self._wait = wait
        self._number, self._digest = 0, ""
        self._before = (0, "")
        self._inside = False
        self._written = passed is not None
        self._execute = execution_of(migration.impl)
        self._block = migration.autocommit_block
        self._postgresql = migration.dialect.name == "postgresql"
        self._new = set[str]()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let each statement of a revision pass through here."""
        migration = self._migration
        vars(migration)["autocommit_block"] = self._separately_committed
        migration.opts["journal"] = self
        try:
            with executed_by(migration.impl, self._one):
                yield
            self._refuse_shorter_file()
        finally:
            vars(migration)["autocommit_block"] = self._block
            del migration.opts["journal"]

    def run(self, what: str, act: Callable[[], T], *, alone: bool = False) -> T | None:
        """Take one step, unless an earlier run took it.

        :param what: the same text each time that the revision runs.
        :param act: takes the step.
        :param alone: commits what it does itself, or needs no transaction around it.
        """
        if not self._is_next(what):
            return None
        if not self._inside:
            self._forget()
            return act()
        with self._begun(what, alone), shown(self.connection, what):
            return self.patiently(partial(self._commit, act, alone))

    def patiently(self, act: Callable[[], T]) -> T:
        """Repeat what did not get its lock, with growing pauses.

        :raises DBAPIError: when it did not get it in time, or for another reason.
        """
        return patiently(act, self._wait)

    @property
    def connection(self) -> sa.Connection:
        """The connection that the revision runs on."""
        connection = self._migration.connection
        if connection is None:
            raise AssertionError
        return connection

    def commits(self) -> bool:
        """Tell whether each statement is committed by itself at the moment."""
        return self._inside

    def commit(self) -> None:
        """Commit a part of a step that commits by itself."""
        if self._inside and not self._postgresql:
            self.connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _separately_committed(self) -> Iterator[None]:
        """Stand for Alembic's `autocommit_block()`."""
        if self._inside:
            yield
            return
        if self._number >= (self._passed.number if self._passed else 0):
            # What came before the block is committed as it begins.
            self._note()
        with self._block() if self._postgresql else limited(self.connection):
            self._inside = True
            try:
                yield
            finally:
                self._inside = False

    def _begun(self, what: str, alone: bool) -> AbstractContextManager[None]:  # noqa: FBT001
        if not commits_itself(what, alone=alone, postgresql=self._postgresql):
            return nullcontext()
        begin = partial(self._write, Passed(*self._before, begun=True))
        return written_down(begin, partial(self._write, Passed(*self._before)))

    def _one(self, construct: Any, *args: Any, **kw: Any) -> Any:
        """Stand for Alembic's own execution of one statement."""
        text = online.text_of(construct, self._migration.dialect)
        if READS.match(text):
            return self._execute(construct, *args, **kw)
        if self._inside and not self._postgresql:
            construct = online.without_lock(text, construct, self._new)
        act = partial(self._execute, construct, *args, **kw)
        passed = self._passed
        goes_on = passed is not None and passed.number == self._number
        if passed and passed.begun and goes_on:
            act = partial(unless_done, act)
        if self._inside and not self._postgresql:
            act = partial(online.refused, text, act, self.connection)
        if isinstance(construct, CreateIndex) and ALONE.search(text):
            index = construct.element
            act = partial(online.build, index, act, self.connection, goes_on=goes_on)
        return self.run(text, act, alone=bool(ALONE.search(text)))

    def _commit(self, act: Callable[[], T], alone: bool) -> T:  # noqa: FBT001
        """Take a step and write down that it was taken, both or neither."""
        if self._postgresql and not alone:
            with short_transaction(self.connection):
                result = act()
                self._note()
            return result
        with unlimited(self.connection) if self._postgresql else nullcontext():
            result = act()
        self._note()
        self.commit()
        return result

    @rule(
        "stopped", "refusal", "A revision that stopped was changed before that place."
    )
    def _is_next(self, what: str) -> bool:
        """Count a statement, and tell whether it is still to be run.

        :raises CommandError: when it is not what an earlier run did here.
        """
        self._before = self._number, self._digest
        self._number += 1
        whole = f"{self._digest} {what}"
        self._digest = hashlib.sha256(whole.encode()).hexdigest()[:16]
        if self._passed is None or self._number > self._passed.number:
            return True
        if self._number == self._passed.number:
            if self._digest != self._passed.digest:
                raise CommandError(_changed(self._number))
            log.warning("Going on after statement %d, which is done.", self._number)
        return False

    def _refuse_shorter_file(self) -> None:
        if self._passed and self._number < self._passed.number:
            raise CommandError(_changed(self._passed.number))

    def _note(self) -> None:
        self._written = True
        self._write(Passed(self._number, self._digest))

    def _forget(self) -> None:
        """Take back what is written where a statement cannot be taken back."""
        if self._written and not self._postgresql:
            self._written = False
            self._write(None)


def _changed(number: int) -> str:
    return (
        f"An earlier run did {number} statements of this revision, with which its file"
        " does not begin any more. Put them back as they were, or do the rest by hand"
        " and stamp the revision."
    )
