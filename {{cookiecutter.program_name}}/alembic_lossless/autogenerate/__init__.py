"""What autogenerate may not write silently: comparison, questions, and safe forms."""
