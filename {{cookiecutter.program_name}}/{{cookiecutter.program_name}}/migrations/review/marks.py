"""The comments that a reviewed script may carry, to be found with grep."""

DELETES = "# DELETES:"
"""What an upgrade or downgrade takes away for good."""

INVENTS = "# INVENTS:"
"""A value that nobody entered, put where the lost one was."""

OPEN = "# REVIEW:"
"""What its author must still look at; the tests refuse a script that has it."""
