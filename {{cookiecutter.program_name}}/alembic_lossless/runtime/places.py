"""Where in a project's own files an exception was raised."""

from pathlib import Path
from traceback import extract_tb


def place_of(error: BaseException, folder: str | Path) -> str | None:
    """Return the file and the line of an exception, the innermost in a folder.

    Every command runs env.py: it is the place only where the exception was raised.

    :param folder: the Alembic environment, with env.py and the revisions.
    :return: None when none of its files raised it or called what did.
    """
    places = [
        (frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    root = Path(folder).resolve()
    for name, line in reversed(places):
        path = Path(name).resolve()
        called = path.name == "env.py" and (name, line) != places[-1]
        if path.is_relative_to(root) and not called:
            return f"{path}, line {line}"
    return None
