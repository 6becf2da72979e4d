"""How each database is altered, and what that would break."""
