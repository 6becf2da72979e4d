"""What types store, which values survive in which type, and how these are written."""
