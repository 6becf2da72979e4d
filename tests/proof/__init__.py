"""Proof by generation: random models, changes and rows, judged by the catalogs.

`described` says what an app declares, `generate` makes one, `changes` changes it, and
`write` writes it as models.py. `case` runs a migration of it and judges with
`catalogs`, which share no code with the library; `shrink` makes what fails small.
"""
