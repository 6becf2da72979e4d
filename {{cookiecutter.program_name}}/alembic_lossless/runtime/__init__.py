"""What makes a run all or nothing, one at a time, and clear about what went wrong."""
