"""Say before a revision runs whom it would stop, for how long, and how not to."""

from . import data, deployment, mariadb, postgresql
from .cost import Finding, Growth, Harm, Server, State, version_of
from .rules import RULES, Rule, examine

__all__ = [
    "RULES",
    "Finding",
    "Growth",
    "Harm",
    "Rule",
    "Server",
    "State",
    "data",
    "deployment",
    "examine",
    "mariadb",
    "postgresql",
    "version_of",
]
