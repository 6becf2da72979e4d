"""For copier, beside cruft: `copier.yml` is written by this file, and runs it.

`python hooks/copier_tasks.py` writes `copier.yml` from the questions of
`cookiecutter.json`. Copier runs `main` with arguments when it has rendered the files.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
SOURCE = "{{cookiecutter.program_name}}"
QUESTIONS: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text())
NAME = (
    "{{ (project_name | lower | regex_replace('[^a-z0-9]+', '_'))[:32]"
    " | regex_replace('^_+|_+$', '') or 'my_app' }}"
)
"""What the package is called by default; copier has no `slugify`."""

ADDRESS = "gh:org/flask-alembic-template"

HEAD = """\
# Written by hooks/copier_tasks.py from cookiecutter.json. The task makes the library's
# folder, the environment and the first revision, and needs --trust.
_min_copier_version: "9.6.0"
_subdirectory: "{% raw %}{{cookiecutter.program_name}}{% endraw %}"
_templates_suffix: ""
_answers_file: .copier-answers.yml
"""
TAIL = """
# The answers by the names that the files know them by.
cookiecutter:
  type: json
  when: false
  default: |-
    {{ dict(_ANSWERS_) | tojson }}
_tasks:
  - - "{{ _copier_python }}"
    - "{{ _copier_conf.src_path }}/hooks/copier_tasks.py"
    - "{{ _copier_operation }}"
    - "{{ cookiecutter | tojson }}"
    - "{{ _copier_answers | to_nice_yaml }}"
"""


def copier_yml() -> str:
    """Return the questions of cookiecutter.json as copier asks them."""
    text = (
        HEAD
        + "_envops: "
        + json.dumps({**QUESTIONS["_jinja2_env_vars"], "keep_trailing_newline": True})
    )
    text += f"\n_exclude: {json.dumps(QUESTIONS['_copy_without_render'])}\n"
    for key, label in QUESTIONS["__prompts__"].items():
        text += f"\n{key}:\n" + "".join(f"  {line}\n" for line in question(key, label))
    named = "".join(f"{key}={key}, " for key in QUESTIONS["__prompts__"])
    private = f"_templates='templates/', _template='{ADDRESS}'"
    return text + TAIL.replace("_ANSWERS_", named + private)


def question(key: str, label: Any) -> Iterator[str]:
    """Yield the lines of a question: its words, its choices, its default."""
    asked, default = label, QUESTIONS[key]
    yield "type: str"
    if isinstance(label, dict):
        asked, default = label["__prompt__"], default[0]
        choices = {
            words: word for word, words in label.items() if word in QUESTIONS[key]
        }
        yield "choices:"
        yield from (f"  {json.dumps(it)}: {choices[it]}" for it in choices)
    yield f"help: {json.dumps(asked)}"
    yield f"default: {json.dumps(NAME if key == 'program_name' else default)}"


def main(operation: str, given: str, remembered: str) -> None:
    """Finish a project in the current folder, which copier has rendered.

    :param operation: "copy" makes the environment and the first revision; "update",
        which also renders older projects to compare with, does not.
    :param given: the answers, as JSON.
    :param remembered: what `copier update` asks for, as YAML.
    """
    project = Path.cwd()
    answers = {**json.loads(given), "_output_dir": str(project.parent)}
    run_hook("pre_gen_project", answers)
    library = project / "alembic_lossless"
    shutil.rmtree(library, ignore_errors=True)
    for source in verbatim():
        path = source.relative_to(TEMPLATE / SOURCE).as_posix()
        target = project / path.replace(SOURCE, answers["program_name"])
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (project / ".copier-answers.yml").write_text(remembered, "utf-8")
    if operation == "copy":
        run_hook("post_gen_project", answers)
    elif answers["library"] == "dependency":
        shutil.rmtree(library)


def verbatim() -> Iterator[Path]:
    """Yield the files that hold no answer, and are copied as they are."""
    for pattern in QUESTIONS["_copy_without_render"]:
        for path in (TEMPLATE / SOURCE).rglob(pattern):
            below = path.rglob("*") if path.is_dir() else [path]
            yield from (file for file in below if file.is_file())


def run_hook(name: str, answers: dict[str, Any]) -> None:
    """Run a hook of cookiecutter's with the answers; end when it does not like them."""
    text = (TEMPLATE / "hooks" / f"{name}.py").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{name}.py")
        script.write_text(
            text.replace("{{ cookiecutter | tojson }}", json.dumps(answers))
        )
        done = subprocess.run([sys.executable, script], check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    if sys.argv[1:]:
        main(*sys.argv[1:])
    else:
        (TEMPLATE / "copier.yml").write_text(copier_yml(), "utf-8")
