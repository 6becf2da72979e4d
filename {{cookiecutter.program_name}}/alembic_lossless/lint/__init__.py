"""Say before a revision runs whom it would stop, for how long, and how not to."""

from . import mysql, postgresql
from .rules import (
    RULES,
    Finding,
    Growth,
    Harm,
    Rule,
    Server,
    Situation,
    examine,
    version_of,
)

__all__ = [
    "RULES",
    "Finding",
    "Growth",
    "Harm",
    "Rule",
    "Server",
    "Situation",
    "examine",
    "mysql",
    "postgresql",
    "version_of",
]
