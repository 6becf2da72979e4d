"""Run pending revisions on a copy with the real rows, before the real run."""
