"""What keeps other sites out: headers, forms only from here, and who asked."""

from urllib.parse import urlsplit

from flask import Flask, abort, request
from secure import Secure, headers
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from .settings import PREFIX, SettingError

READING = {"GET", "HEAD", "OPTIONS"}
HEADERS = Secure(
    csp=headers.ContentSecurityPolicy()
    .default_src("'self'")
    .img_src("'self'", "data:")
    .object_src("'none'")
    .base_uri("'none'")
    .form_action("'self'")
    .frame_ancestors("'none'"),
    coop=headers.CrossOriginOpenerPolicy().same_origin(),
    corp=headers.CrossOriginResourcePolicy().same_origin(),
    hsts=headers.StrictTransportSecurity().max_age(31536000),
    permissions=headers.PermissionsPolicy().geolocation().microphone().camera(),
    referrer=headers.ReferrerPolicy().strict_origin_when_cross_origin(),
    xcto=headers.XContentTypeOptions().nosniff(),
    xfo=headers.XFrameOptions().deny(),
)
"""Styles, scripts and pictures come from this app; a view may set a header itself."""


def init_app(app: Flask) -> None:
    """Guard every address of the app.

    :raises SettingError: when `PROXIES` is no number of proxies.
    """
    app.before_request(refuse_other_sites)
    app.after_request(add_headers)
    proxies = app.config["PROXIES"]
    if type(proxies) is not int or proxies < 0:
        how = "Write how many stand before the app, such as 1 for one nginx."
        raise SettingError(f"{PREFIX}PROXIES is {proxies!r}. {how}")
    if proxies:
        believed = dict.fromkeys(("x_for", "x_proto", "x_host"), proxies)
        app.wsgi_app = ProxyFix(app.wsgi_app, **believed)  # type: ignore[method-assign]


def refuse_other_sites() -> None:
    """Refuse a change that another site makes a browser send: no form needs a token.

    Browsers say where a request comes from; what says nothing is a program.
    Source: the algorithm of `CrossOriginProtection` in Go's net/http.
    """
    if request.method in READING:
        return
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    by_origin = origin is None or urlsplit(origin).netloc == request.host
    if not (by_origin if site is None else site in {"same-origin", "none"}):
        abort(403, "This form was sent from another site.")


def add_headers(response: Response) -> Response:
    """Add the headers that a view did not set itself."""
    for name, value in HEADERS.header_items():
        response.headers.setdefault(name, value)
    return response
