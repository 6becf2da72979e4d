"""A project without an app."""
