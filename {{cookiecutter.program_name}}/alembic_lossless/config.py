"""Configurations of Alembic for a project, and commands in the form that was typed."""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alembic import context
from alembic.config import Config
from alembic.util import CommandError

from ._alembic import print_nothing
from .project import Project


def quiet_config(project: Project) -> Config:
    """Return a configuration for Python: it prints nothing and leaves logging alone.

    :raises CommandError: when the project's folder is no Alembic environment.
    """
    return _located(quiet(Config(_ini(project))), project)


def quiet(alembic: Config) -> Config:
    """Let a configuration print nothing, and env.py leave logging alone."""
    alembic.stdout = alembic.output_buffer = io.StringIO()
    alembic.attributes["configure_logger"] = False
    print_nothing(alembic)
    return alembic


def config_of(options: Namespace, project: Project) -> Config:
    """Return the configuration that a command line asks for, the project's by default.

    :param options: what Alembic's parser made of the command line.
    """
    files = {Path(file).name == "pyproject.toml": file for file in options.config or ()}
    alembic = Config(
        files.get(False, _ini(project)),
        files.get(True),
        ini_section=options.name,
        stdout=sys.stdout,
        cmd_opts=options,
    )
    chosen = files or options.name != "alembic"
    return alembic if chosen else _located(alembic, project)


def typed_config(options: Namespace) -> Config:
    """Return the configuration that a command line names, as Alembic finds it.

    Flask-Migrate keeps its alembic.ini in the folder of the environment.

    :raises CommandError: for a file that is named and is not there.
    """
    chosen = os.environ.get("ALEMBIC_CONFIG")
    named = [*(options.config or ([chosen] if chosen else ()))]
    if missing := [file for file in named if not Path(file).is_file()]:
        raise CommandError(f"There is no file {missing[0]}. Name alembic.ini with -c.")
    files = {Path(file).name == "pyproject.toml": file for file in named}
    read = partial(
        Config,
        toml_file=files.get(True, "pyproject.toml"),
        ini_section=options.name,
        stdout=sys.stdout,
        cmd_opts=options,
    )
    alembic = read(files.get(False, "alembic.ini"))
    own = Path("migrations", "alembic.ini")
    if not (named or alembic.get_alembic_option("script_location")) and own.is_file():
        alembic = read(own)
    return alembic


def files_of(alembic: Config) -> list[Path]:
    """Return the files that a configuration is read from, there or not."""
    names = alembic.config_file_name, alembic.toml_file_name
    return [Path(name) for name in names if name]


def is_environment(folder: Path) -> bool:
    """Tell whether a folder is an Alembic environment."""
    return (folder / "env.py").is_file()


def is_typed(config: Config) -> bool:
    """Tell a command that somebody typed from a call of a program.

    Alembic's own command line leaves the function that it runs; Flask-Migrate's runs in
    a context of click.
    """
    click = sys.modules.get("click")
    in_click = click is not None and click.get_current_context(silent=True)
    return hasattr(config.cmd_opts, "cmd") or bool(config.cmd_opts and in_click)


PROGRAM = "alembic_lossless.program"
"""Where a command of click's keeps how it was called."""


def program_of(config: Config) -> str:
    """Return how a command was called, for messages that say what to type."""
    if prog := getattr(config.cmd_opts, "prog", None):
        return str(prog)
    click = sys.modules.get("click")
    found = click.get_current_context(silent=True) if click else None
    if found and (prog := found.meta.get(PROGRAM)):
        return str(prog)
    parent = getattr(found, "parent", None)
    return str(parent.command_path) if parent else "alembic"


def lossless_program(program: str) -> str:
    """Return what has the commands that Alembic's own program does not have.

    :param program: what was typed.
    """
    if program != "alembic":
        return program
    return "flask db" if find_spec("flask") else "alembic-lossless"


def choose(alembic: Config, only: Iterable[str]) -> None:
    """Let a configuration name the databases, as `-x database=…` does.

    :param only: their names; none for all of them.
    """
    if names := [f"database={it}" for it in only]:
        options = Namespace(**vars(alembic.cmd_opts or Namespace()))
        options.x = [*(getattr(options, "x", None) or ()), *names]
        alembic.cmd_opts = options


def stamp_command(options: dict[str, Any]) -> str:
    """Return how to stamp a database and, where there are several, no other.

    :param options: arguments of `context.configure`; the tokens hold the name.
    """
    name = options.get("tenant") or database_in(
        options.get("upgrade_token", "upgrades")
    )
    program = program_of(context.config)
    return f"{program} -x database={name} stamp" if name else f"{program} stamp"


def database_in(upgrade_token: str) -> str:
    """Return the name of a database: "auth" of "auth_upgrades".

    :param upgrade_token: what env.py called the part; the only database of a project
        has Alembic's own word, "upgrades", and no name.
    """
    return upgrade_token.removesuffix("upgrades").removesuffix("_")


def part_of(project: Project, name: str) -> str:
    """Return what revisions call their part for a database, "" where there is one.

    :param name: the database's.
    """
    return name if len(project.names) > 1 else ""


def merge_command(prog: str, heads: Sequence[str]) -> str:
    """Return the line that joins two branches, in the form that was typed."""
    return f'{prog} merge -m "join two branches" {" ".join(heads)}'


def insist_on_source_tree(project: Project) -> None:
    """Refuse to write a revision where it would be lost.

    :raises CommandError: when the project is an installed copy, without alembic.ini.
    """
    if project.ini and not project.ini.exists():
        raise CommandError(
            f"{project.folder} is an installed copy: a revision written there would be"
            " lost. Run the command in the project's source tree."
        )


def _ini(project: Project) -> Path | None:
    return project.ini if project.ini and project.ini.exists() else None


def _located(alembic: Config, project: Project) -> Config:
    """Say where the migrations are, from anywhere, installed or not."""
    if not is_environment(project.folder):
        raise CommandError(
            f"The project's folder {project.folder} holds no env.py. Name the folder of"
            " the Alembic environment."
        )
    locate(alembic, project.folder)
    alembic.set_main_option("prepend_sys_path", "")
    return alembic


def locate(alembic: Config, folder: Path) -> None:
    """Say where an environment is.

    ConfigParser cannot read the `%(here)s` of a folder with a percent sign in its name.
    """
    alembic.set_main_option("script_location", _escaped(folder))


def reading(alembic: Config, versions: Path) -> Config:
    """Let a configuration read its revisions in another folder.

    :param versions: the folder.
    """
    alembic.set_main_option("version_locations", _escaped(versions))
    alembic.set_main_option("path_separator", "newline")
    return alembic


def _escaped(folder: Path) -> str:
    return str(folder).replace("%", "%%")
