"""gunicorn's access log, without what must not be read there."""

import re
from typing import Any

from gunicorn.glogging import Logger

# An invitation's link is a key to the project until it is used up.
TOKEN = re.compile(r"/join/[^/?\s]+")


class AccessLog(Logger):  # type: ignore[misc]
    """The usual log, with the tokens of invitations left out."""

    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the parts of a line."""
        parts = super().atoms(*args, **kwargs)
        return {name: TOKEN.sub("/join/-", part) if isinstance(part, str) else part for name, part in parts.items()}
