"""Changes one line of the library at a time, to see whether a test notices."""
