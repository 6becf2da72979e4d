"""The project's own command: what `flask` does, for this app, from any folder."""

from flask.cli import FlaskGroup

from . import create_app

main = FlaskGroup(name="{{ cookiecutter.program_name | replace("_", "-") }}", create_app=create_app)

if __name__ == "__main__":
    main()
