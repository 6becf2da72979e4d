"""What gunicorn reads with `--config`: its own lines then look like the app's."""

from . import logs, settings

wsgi_app = f"{settings.PROGRAM}.wsgi:app"
logconfig_dict = logs.configuration(settings.variables().get("LOG_FORMAT", "text"))
