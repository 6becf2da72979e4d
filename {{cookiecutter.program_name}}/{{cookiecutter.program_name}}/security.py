"""What keeps other sites out: headers, forms only from here, and who asked."""

from urllib.parse import urlsplit

from flask import Flask, abort, request
from secure import Secure
from secure.headers import (
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    CrossOriginResourcePolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from .settings import PREFIX, SettingError

READING = {"GET", "HEAD", "OPTIONS"}
HEADERS = Secure(
    csp=ContentSecurityPolicy()
    .default_src("'self'")
    .img_src("'self'", "data:")
    .object_src("'none'")
    .base_uri("'none'")
    .form_action("'self'")
    .frame_ancestors("'none'"),
    coop=CrossOriginOpenerPolicy().same_origin(),
    corp=CrossOriginResourcePolicy().same_origin(),
    hsts=StrictTransportSecurity().max_age(31536000),
    permissions=PermissionsPolicy().geolocation().microphone().camera(),
    referrer=ReferrerPolicy().strict_origin_when_cross_origin(),
    xcto=XContentTypeOptions().nosniff(),
    xfo=XFrameOptions().deny(),
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
        raise SettingError(
            f"{PREFIX}PROXIES is {proxies!r}. Write how many proxies stand before the"
            " app: 0, or 1 for one nginx."
        )
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
    if site is not None:
        from_here = site in {"same-origin", "none"}
    else:
        from_here = origin is None or urlsplit(origin).netloc == request.host
    if not from_here:
        abort(403, "This form was sent from another site.")


def add_headers(response: Response) -> Response:
    """Add the headers that a view did not set itself."""
    for name, value in HEADERS.header_items():
        response.headers.setdefault(name, value)
    return response
