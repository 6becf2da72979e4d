"""SQLite: one real transaction, and a table rebuild that loses nothing."""
