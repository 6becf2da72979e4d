"""Say before a revision runs whom it would stop, for how long, and how not to."""

from . import mysql, postgresql  # noqa: F401  they declare their rules
