"""What the access log keeps to itself."""

import datetime as dt
from types import SimpleNamespace

from gunicorn.config import Config

from config.access_log import AccessLog


def line(path: str, referer: str = "") -> str:
    """Return the line that gunicorn would write for a request."""
    request = SimpleNamespace(
        method="GET", uri=path, path=path, query="", version=(1, 1), headers=[("REFERER", referer)]
    )
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "PATH_INFO": path,
        "HTTP_REFERER": referer,
    }
    reply = SimpleNamespace(status="302 Found", headers=[], sent=0)
    config = Config()
    logger = AccessLog(config)
    return str(config.access_log_format % logger.atoms(reply, request, environ, dt.timedelta(seconds=1)))


def test_line_names_no_token_of_an_invitation() -> None:
    written = line("/join/abc-DEF_123/", "http://shop.example/join/abc-DEF_123/")
    assert "abc-DEF_123" not in written
    assert "GET /join/-/ HTTP/1.1" in written


def test_line_names_every_other_address() -> None:
    assert "GET /p/shop/judge/ HTTP/1.1" in line("/p/shop/judge/")
