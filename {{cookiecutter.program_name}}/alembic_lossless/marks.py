"""The comments that a drafted script may carry, to be found with grep."""

DELETES = "# DELETES:"
"""What an upgrade takes away for good."""

INVENTS = "# INVENTS:"
"""A value that nobody entered, put where the lost one was."""

LOCKS = "# LOCKS:"
"""Who has to wait for what, for longer than an instant."""

MEANS = "# MEANS:"
"""What a value is taken for, once its column has another type."""

REVIEW = "# REVIEW:"
"""What an author must still look at; a test can refuse a script that has it."""
