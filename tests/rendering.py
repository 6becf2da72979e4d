"""Generate a project and run its commands, as a user does."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from compileall import compile_dir
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from py_compile import PycInvalidationMode
from types import ModuleType
from typing import Any, Self

from cookiecutter.main import cookiecutter
from jinja2 import Template
from shared import once
from warm import PROGRAMS, Warm

LOSSLESS = """
import sys
from alembic_lossless.cli import run
for number, command in enumerate(sys.argv[1:], 2):
    try:
        run(None, command.split(), "alembic-lossless")
    except SystemExit as end:
        if end.code and number < len(sys.argv):
            sys.exit(f"{command}: {end.code}")
        elif end.code:
            raise
"""
TEMPLATE = Path(__file__).resolve().parent.parent
QUESTIONS: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text())
"""The questions and their answers, and what cookiecutter reads beside them."""

SOMEBODY = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
"""The options of Git that say who commits."""

HANGS = 300
"""Seconds after which a command that should have ended is taken to hang."""


@dataclass
class Project:
    """A generated project, and the environment that its commands run in."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the package."""
        return self.path.name

    @property
    def package(self) -> Path:
        """The folder of the package."""
        return self.path / self.name

    @property
    def url_variable(self) -> str:
        """The variable that holds the URL of the database."""
        return f"{self.name.upper()}_DATABASE_URL"

    def using(self, url: str) -> Self:
        """Return the same project with another database."""
        return replace(self, environment={**self.environment, self.url_variable: url})

    def run(
        self,
        *command: str,
        cwd: Path | None = None,
        status: int | None = 0,
        typed: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project with this interpreter's tools on the path.

        :param command: for example `"alembic", "upgrade", "head"`.
        :param cwd: another folder than the project's.
        :param status: the exit status to insist on; None takes any.
        :param typed: the standard input.
        """
        warm = command[0] in PROGRAMS or command[:2] == ("python", "-c")
        warm |= command[:3] == ("python", "-m", "pytest")
        done = self._done(command, cwd or self.path, typed or "", warm=warm)
        if status is not None:
            assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def _done(
        self, command: Sequence[str], cwd: Path, typed: str, *, warm: bool
    ) -> subprocess.CompletedProcess[str]:
        env = self._variables()
        if warm and (process := warm_process()) and process.suits(env):
            return process.run(command, cwd=cwd, env=env, typed=typed, timeout=HANGS)
        return subprocess.run(
            command,
            cwd=cwd,
            env=env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=HANGS,
            check=False,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command, to be waited for, or to be killed."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self._variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _variables(self) -> dict[str, str]:
        return {**common_variables(), **self.environment}

    def alembic(
        self, *arguments: str, status: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run Alembic in the project."""
        return self.run("alembic", *arguments, status=status)

    def commands(self, *commands: str) -> str:
        """Run Alembic commands in one process, and return their standard error."""
        code = "import sys\nfrom alembic.config import main\n"
        code += "for command in sys.argv[1:]:\n    main(command.split('\\x1f'))"
        words = ["\x1f".join(shlex.split(command)) for command in commands]
        done = self._done(["python", "-c", code, *words], self.path, "", warm=True)
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stderr

    def lossless(self, *commands: str, status: int = 0) -> str:
        """Type commands of `alembic-lossless` one after the other, in one process.

        :param status: the exit status of the last; the others have 0.
        :return: all that they say.
        """
        done = self._done(
            ["python", "-c", LOSSLESS, *commands], self.path, "", warm=True
        )
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        return said

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that a file of the package holds exactly once."""
        path = self.package / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def revisions(self) -> list[Path]:
        """Return the revision files, oldest name first."""
        return sorted((self.package / "migrations" / "versions").glob("*.py"))


def common_variables() -> dict[str, str]:
    """Return the variables of a command, with this interpreter's tools on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path}


@cache
def warm_process() -> Warm | None:
    """Return the process whose forks run commands, where a fork is safe."""
    return Warm(common_variables()) if sys.platform == "linux" else None


def render(folder: Path, *, hooks: bool = True, **answers: str) -> Project:
    """Generate a project.

    :param folder: where its folder goes.
    :param hooks: whether the hooks run; without them there is no first revision.
    :param answers: answers that differ from the defaults.
    """
    path = cookiecutter(
        str(TEMPLATE),
        no_input=True,
        default_config=True,
        output_dir=str(folder),
        extra_context=answers,
        accept_hooks=hooks,
    )
    if answers.get("library") == "dependency":  # as the hook does
        shutil.rmtree(Path(path, "alembic_lossless"), ignore_errors=True)
    return made_in(folder, Path(path))


def made_in(folder: Path, path: Path) -> Project:
    """Return a project whose home is a folder, and which can import the library.

    :param folder: the home of its commands.
    :param path: the folder of the project.
    """
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    if (path / "alembic_lossless").exists():
        return Project(path, home)
    installed = str(once("library", _library_alone))
    return Project(path, {**home, "PYTHONPATH": installed, "MYPYPATH": installed})


def _library_alone(folder: Path) -> None:
    """Let a folder stand for an environment in which the library is installed.

    It is a copy: whoever imports it may write byte code, which no template holds.
    """
    library = "alembic_lossless"
    source = TEMPLATE / "{{cookiecutter.program_name}}" / library
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, folder / library, ignore=ignored, dirs_exist_ok=True)


def generated(folder: Path, *, hooks: bool = True, **answers: str) -> Project:
    """Copy a project that is generated once for all tests, where that is no matter.

    With hooks it has byte code.

    :param folder: where its folder goes, likewise the other parameters of `render`.
    """
    first = {key: its[0] for key, its in QUESTIONS.items() if isinstance(its, list)}
    said = json.dumps([hooks, first | answers], sort_keys=True)
    digest = sha256(said.encode()).hexdigest()[:16]

    def make(made: Path) -> None:
        project = render(made, hooks=hooks, **answers)
        # No file looks like that of another project, to tools that go by time and size.
        for path in project.path.rglob("*"):
            os.utime(path, (stamp := 10**9 + int(digest, 16) % 10**8, stamp))
        if hooks:
            compile_project(project)

    (made,) = once(digest, make).iterdir()
    return copied(made, folder)


def copied(project: Path, folder: Path) -> Project:
    """Copy a project into a folder, which is the home of its commands too."""
    path = folder / project.name
    shutil.copytree(project, path)
    return made_in(folder, path)


def compile_project(project: Project) -> None:
    """Give a project byte code, which each of its many processes would make again.

    It goes by what a source says, not by its time: a test may edit all it wants.
    """
    checked = PycInvalidationMode.CHECKED_HASH
    compile_dir(project.path, quiet=1, invalidation_mode=checked)


def knowing_types(project: Project) -> Project:
    """Return the same project with a cache in which mypy knows what projects import.

    It reads each file that was edited, and those of other answers.
    """

    def make(made: Path) -> None:
        generated(made).run("mypy", "--cache-dir", str(made / "cache"))

    cache = project.path.parent / "types"
    shutil.copytree(once("types", make) / "cache", cache)
    known = {**project.environment, "MYPY_CACHE_DIR": str(cache)}
    return replace(project, environment=known)


def cookiecut(
    *arguments: str,
    folder: Path,
    template: Path = TEMPLATE,
    status: int = 0,
    environment: Mapping[str, str | None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Type the cookiecutter command, which takes the defaults for what is not given.

    :param arguments: options, and answers such as `database=mariadb`.
    :param folder: where it is typed, and whose answers and caches it uses.
    :param status: the exit status to insist on.
    :param environment: variables of its own; None removes one.
    """
    home = {"HOME": str(folder), "PWD": str(folder), **(environment or {})}
    command = [sys.executable, "-m", "cookiecutter", "--default-config", "--no-input"]
    done = subprocess.run(
        [*command, str(template), *arguments],
        cwd=folder,
        env={k: v for k, v in {**os.environ, **home}.items() if v is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


@cache
def hook_template(name: str) -> Template:
    """Return a hook as Jinja reads it."""
    template: Template = Template((TEMPLATE / "hooks" / f"{name}.py").read_text())
    return template


def load_hook(name: str, **answers: str) -> ModuleType:
    """Return a hook as a module, rendered with some answers."""
    module = ModuleType(name)
    module.__file__ = str(TEMPLATE / "hooks" / f"{name}.py")
    rendered = hook_template(name).render(cookiecutter=answers)
    exec(compile(rendered, module.__file__, "exec"), module.__dict__)  # noqa: S102
    return module
