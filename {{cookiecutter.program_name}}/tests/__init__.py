"""The tests of the app, and of each migration."""
