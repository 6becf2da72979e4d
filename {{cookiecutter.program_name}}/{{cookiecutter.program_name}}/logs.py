"""The one place for logging: how a line looks, and one line for each request."""

import logging
from collections.abc import Iterable
from logging.config import dictConfig
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask

from .settings import PREFIX, PROGRAM, SettingError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORMATTERS: dict[str, dict[str, Any]] = {
    "text": {
        "format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        "datefmt": "%Y-%m-%d %H:%M:%S",
    },
    "json": {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": ["asctime", "levelname", "name", "message"],
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
    },
}
logger = logging.getLogger(f"{PROGRAM}.requests")


def init_app(app: Flask) -> None:
    """Configure logging, unless the program that the app is part of already did.

    :raises SettingError: when `LOG_FORMAT` is not one that there is.
    """
    name = app.config["LOG_FORMAT"]
    if name not in FORMATTERS:
        choices = " or ".join(FORMATTERS)
        raise SettingError(f"{PREFIX}LOG_FORMAT is {name!r}. Write {choices}.")
    if not logging.getLogger().handlers:
        dictConfig(configuration(name))
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]


def configuration(name: str) -> dict[str, Any]:
    """Return what `logging.config.dictConfig` takes: everything goes to one handler.

    :param name: how lines look, a key of `FORMATTERS`; text for any other.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": FORMATTERS.get(name, FORMATTERS["text"])},
        "filters": {"server": {"()": ServerLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {
            PROGRAM: {"level": "INFO"},
            "werkzeug": {"level": "INFO", "filters": ["server"]},
            "gunicorn.error": {"level": "INFO", "propagate": True},
            # `flask db` prints what went wrong; logged, it would be there twice.
            "alembic.util.messaging": {"level": "CRITICAL"},
        },
    }


class ServerLines(logging.Filter):
    """Leave out the development server's line for a request: the app has its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep warnings, and what is said about the server itself."""
        return record.levelno > logging.INFO or not record.args


class RequestLog:
    """Log each request that the app answers, also one that ends in a traceback."""

    def __init__(self, app: "WSGIApplication") -> None:
        """Stand before an app."""
        self.app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer, and note the status and the milliseconds until it was known."""
        began = perf_counter()
        found = {"status": 500}

        def start(status: str, headers: Any, *more: Any) -> Any:
            found["status"] = int(status[:3])
            return start_response(status, headers, *more)

        try:
            return self.app(environ, start)
        finally:
            _log(environ, found["status"], round(1000 * (perf_counter() - began)))


def _log(environ: "WSGIEnvironment", status: int, milliseconds: int) -> None:
    """Write the line; what a browser sends is quoted, so that it stays one line."""
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    fields = {
        "method": quote(environ["REQUEST_METHOD"]),
        "path": quote(path, encoding="latin-1"),
        "status": status,
        "milliseconds": milliseconds,
        "client": environ.get("REMOTE_ADDR", "-"),
    }
    line = "%(method)s %(path)s %(status)s in %(milliseconds)s ms for %(client)s"
    logger.info(line, fields, extra=fields)
