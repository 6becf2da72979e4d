"""`alembic-lossless`, and `python -m alembic_lossless`, which a copy has, too."""

import sys

from . import requirements


def main() -> None:
    """Run a command in any Alembic environment."""
    try:
        requirements.insist()
    except Exception as error:  # noqa: BLE001  Alembic's, or that it is not there
        sys.exit(f"FAILED: {error}")
    from .cli import run  # noqa: PLC0415  another Alembic may lack what it imports

    as_module = sys.argv[0].endswith("__main__.py")
    prog = "python -m alembic_lossless" if as_module else "alembic-lossless"
    run(None, sys.argv[1:], prog)


if __name__ == "__main__":
    main()
