"""Make a case that fails as small as it gets, and print it as a test to paste."""

import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pprint import pformat
from typing import Any

from .case import Case, Court, Verdict
from .described import App, Type, whole
from .types import typed
from .write import case_of

SECONDS = 40
"""How long smaller cases are tried before it is small enough."""


def shrunk(
    judge: Court, before: App, after: App, verdict: Verdict
) -> tuple[App, App, Verdict]:
    """Return the smallest apps that are found to fail in the same way."""
    ends = time.monotonic() + SECONDS
    progress = True
    while progress and time.monotonic() < ends:
        progress = False
        for first, second in smaller(before, after):
            if time.monotonic() > ends:
                break
            found = judge.judge(case_of(first, second))
            if found.is_fault and found.cause == verdict.cause:
                before, after, verdict = first, second, found
                progress = True
                break
    return before, after, verdict


def smaller(before: App, after: App) -> Iterator[tuple[App, App]]:
    """Give pairs of apps that are a little smaller."""
    seen = {(before, after)}
    for first, second in _pairs(before, after):
        pair = whole(first), whole(second)
        if pair not in seen and pair[0].tables and pair[1].tables:
            seen.add(pair)
            yield pair


def _pairs(before: App, after: App) -> Iterator[tuple[App, App]]:
    identities = _identities(before) | _identities(after)
    for uid in identities:
        yield without(before, uid), without(after, uid)
    for uid in identities:
        yield from _undone(before, after, uid)
    for uid in identities:
        for part in (found_in(before, uid), found_in(after, uid)):
            for plain in plainer(part, before.database) if part else ():
                yield put(before, uid, plain), put(after, uid, plain)
    for uid in identities:
        yield from _bare(before, after, uid)
    yield replace(before, convention=True), replace(after, convention=True)
    yield replace(before, edit=""), replace(after, edit="")


def _undone(before: App, after: App, uid: str) -> Iterator[tuple[App, App]]:
    """Give pairs in which less of a part changes."""
    old, new = found_in(before, uid), found_in(after, uid)
    if old is None:
        yield before, without(after, uid)
    elif new is None:
        yield without(before, uid), after
    elif old != new:
        yield before, put(after, uid, old)
        for field in fields(old):
            value = getattr(old, field.name)
            if value != getattr(new, field.name):
                yield before, put(after, uid, replace(new, **{field.name: value}))


def _bare(before: App, after: App, uid: str) -> Iterator[tuple[App, App]]:
    """Give pairs in which a part says less, before and after."""
    old, new = found_in(before, uid), found_in(after, uid)
    for name in ("options", "style", "schema", "mixed", "single", "name", "item"):
        if hasattr(old, name) and getattr(old, name) == getattr(new, name, None):
            for value in _less(old, name, uid):
                yield (
                    put(before, uid, replace(old, **{name: value})),
                    put(after, uid, replace(new, **{name: value})),
                )


def _less(part: Any, name: str, uid: str) -> Iterator[Any]:
    value = getattr(part, name)
    match name:
        case "options":
            for option in value:
                yield tuple(it for it in value if it != option)
        case "name" if value != uid:
            yield uid
        case "style" if value != "core":
            yield "class"
        case "schema" if value:
            yield False
        case "mixed" | "single" if value:
            yield ()
        case "item" if value:
            yield None


def plainer(part: Any, database: str) -> Iterator[Any]:
    """Give a part with a plain type."""
    kind = getattr(part, "type", None)
    plain = typed("sa.Integer()", database)
    if isinstance(kind, Type) and kind != plain:
        kept = {"primary_key", "nullable"}
        options = tuple(it for it in part.options if it[0] in kept)
        yield replace(part, type=plain, options=options)
        yield replace(part, type=plain)
        yield replace(part, type=typed("sa.String(length=40)", database))


def _identities(part: Any) -> dict[str, None]:
    """Return the identities of all parts of a part, the largest first."""
    found = dict[str, None]()
    if isinstance(part, tuple):
        for each in part:
            found |= _identities(each)
    elif is_dataclass(part):
        if uid := getattr(part, "uid", ""):
            found[uid] = None
        for field in fields(part):
            found |= _identities(getattr(part, field.name))
    return found


def found_in(part: Any, uid: str) -> Any:
    """Return the part with an identity, or None."""
    if isinstance(part, tuple):
        return next((it for each in part if (it := found_in(each, uid))), None)
    if is_dataclass(part):
        if getattr(part, "uid", "") == uid:
            return part
        values = (getattr(part, field.name) for field in fields(part))
        return next((it for each in values if (it := found_in(each, uid))), None)
    return None


def put(part: Any, uid: str, fresh: Any) -> Any:
    """Return all with another state of the part with an identity; None takes it out."""
    if isinstance(part, tuple):
        kept = (put(it, uid, fresh) for it in part)
        return tuple(it for it in kept if it is not None)
    if is_dataclass(part) and not isinstance(part, type):
        if getattr(part, "uid", "") == uid:
            return fresh
        values = {
            it.name: put(getattr(part, it.name), uid, fresh)
            for it in fields(part)
            if isinstance(getattr(part, it.name), tuple)
        }
        return replace(part, **values)
    return part


def without(app: App, uid: str) -> App:
    """Return an app without a part."""
    found: App = put(app, uid, None)
    return found


def pasted(case: Case, seed: int, verdict: Verdict) -> str:
    """Return a case as a test that an author pastes."""
    words = []
    for field in fields(case):
        value = getattr(case, field.name)
        if field.name in {"before", "after"}:
            body = value.replace("\\", "\\\\").replace('"""', r"\"\"\"")
            words.append(f'        {field.name}="""{body}""",')
        elif value and value != field.default:
            words.append(f"        {field.name}={pformat(value, width=80)},")
    text = "\n".join(words)
    return (
        f"def test_seed_{seed}() -> None:\n"
        f'    """{verdict.kind}."""\n'
        f"    case = Case(\n{text}\n    )\n"
        f"    with court(case.database) as judge:\n"
        f'        assert judge.judge(case).kind == "passed"\n'
        + "\n".join(f"# {line}" for line in verdict.text.splitlines()[:30])
        + "\n"
    )
