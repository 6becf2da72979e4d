"""Errors as a page of the site, and as JSON for a program under `/api/`."""

import json

from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Answer every error, also one that nobody expected, which is a 500."""
    app.register_error_handler(HTTPException, explain)


def explain(error: HTTPException) -> Response:
    """Keep the status and the headers of an error, and say what it is about."""
    if asks_for_json():
        body, kind = json.dumps({"error": error.description}), "application/json"
    else:
        body, kind = render_template("error.html", error=error), "text/html"
    answer = error.get_response()
    headers = {**answer.headers, "Content-Type": f"{kind}; charset=utf-8"}
    headers.pop("Content-Length", None)
    return Response(body, answer.status, headers)


def asks_for_json() -> bool:
    """Say whether a program asks, and not a browser."""
    return request.path.startswith("/api/")
