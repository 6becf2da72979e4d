"""The friends: a page that lists and adds them, and the same as JSON."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from .db import db
from .fields import new_friend
from .models import Friend
from .store import add_friend, newest_friends

blueprint = Blueprint("friends", __name__)

FIELDS = ("name", "city", "hobbies")
LARGEST_ID = 2**31 - 1
"""What an integer column holds on every database; a larger number is no friend's."""


@blueprint.get("/")
def index() -> str:
    """Show the friends and the form."""
    return _page({}, {})


@blueprint.post("/")
def add() -> Response | tuple[str, int]:
    """Add the friend of the form, then show the page; or show what is wrong with it."""
    typed = {field: request.form.get(field, "") for field in FIELDS}
    try:
        add_friend(new_friend({**typed, "hobbies": typed["hobbies"].split(",")}))
    except ValidationError as error:
        return _page(typed, error.messages_dict), 400
    return redirect(url_for(".index"), 303)


@blueprint.get("/api/friends")
def api_list() -> dict[str, Any]:
    """Return the friends, newest first, and where the older ones are."""
    page = _page_number()
    friends, more = newest_friends(page)
    older = url_for(".api_list", page=page + 1) if more else None
    return {"friends": [_as_json(friend) for friend in friends], "older": older}


@blueprint.post("/api/friends")
def api_add() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Add a friend, and return it and where it is."""
    friend = add_friend(new_friend(_sent_object()))
    return _as_json(friend), 201, {"Location": url_for(".api_one", number=friend.id)}


@blueprint.get(f"/api/friends/<int(max={LARGEST_ID}):number>")
def api_one(number: int) -> dict[str, Any]:
    """Return a friend."""
    friend = db.session.get(Friend, number)
    if friend is None:
        abort(404, f"There is no friend {number}.")
    return _as_json(friend)


@blueprint.errorhandler(ValidationError)
def explain_fields(error: ValidationError) -> tuple[dict[str, Any], int]:
    """Say what is wrong, field by field."""
    return {"error": "Some fields cannot be used.", "fields": error.messages_dict}, 400


def _page(typed: dict[str, str], messages: dict[str, str]) -> str:
    page = _page_number()
    friends, more = newest_friends(page)
    return render_template(
        "friends.html",
        friends=friends,
        page=page,
        more=more,
        typed=typed,
        messages=messages,
    )


def _page_number() -> int:
    return min(max(request.args.get("page", 1, type=int), 1), LARGEST_ID // 1000)


def _sent_object() -> dict[str, Any]:
    try:
        sent = request.get_json()
    except (BadRequest, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        abort(400, 'Send one JSON object, such as {"name": "Ada", "city": "Bonn"}.')
    return sent


def _as_json(friend: Friend) -> dict[str, Any]:
    return {
        "id": friend.id,
        "name": friend.name,
        "city": friend.city.name if friend.city else None,
        "hobbies": [hobby.name for hobby in friend.hobbies],
    }
