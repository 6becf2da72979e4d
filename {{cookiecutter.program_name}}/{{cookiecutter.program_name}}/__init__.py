"""The app: `create_app` makes it from defaults, environment and test values."""

from collections.abc import Mapping
from json import loads
from typing import TYPE_CHECKING, Any

from . import settings

if TYPE_CHECKING:
    from flask import Flask

{% set title = cookiecutter.project_name | trim | replace("\\", "\\\\") %}
{# The formatter takes the quotes that need fewer backslashes. #}
{% set single = title.count('"') > title.count("'") %}
DEFAULTS = {
    "TITLE": {{ "'%s'" % title | replace("'", "\\'") if single else '"%s"' % title | replace('"', '\\"') }},
    "MAX_CONTENT_LENGTH": 64 * 1024,
    "LOG_FORMAT": "text",
    "PROXIES": 0,
    "SESSION_COOKIE_SAMESITE": "Lax",
}
TEXTS = {"SECRET_KEY", "TITLE"}
"""Settings that are texts, even where they look like a number."""


def create_app(test_config: Mapping[str, Any] | None = None) -> "Flask":
    """Make the app: defaults, then the environment, then the values of a test.

    :param test_config: values that win over the defaults and the environment.
    :raises SettingError: for a setting that cannot be used.
    """
    # Imported here: `alembic` imports the package too, and needs no app.
    from flask import Flask

    from . import cli, db, errors, friends, health, logs, pending, security

    app = Flask(__name__)
    app.config.from_mapping(DEFAULTS)
    app.config.from_mapping(environment())
    app.config.from_mapping(test_config or {})
    logs.init_app(app)
    errors.init_app(app)
    security.init_app(app)
    db.init_app(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(friends.blueprint)
    if app.debug:
        pending.init_app(app)
    cli.init_app(app)
    return app


def environment() -> dict[str, Any]:
    """Return the environment's settings, typed as `Config.from_prefixed_env` does.

    What is JSON is read as JSON, so that `5` is a number and `false` is not true.
    """
    found = settings.variables()
    return {key: found[key] if key in TEXTS else _typed(found[key]) for key in found}


def _typed(value: str) -> Any:
    try:
        return loads(value)
    except ValueError:
        return value
