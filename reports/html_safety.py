"""What of strangers' data may stand in the page: addresses that it may link to, and JSON inside a script element."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from urllib.parse import quote

from reports.text import plain


def as_json(value: object) -> str:
    """Return JSON that can stand inside a script element: nothing in it can end the element or a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def web_link(url: str) -> str:
    """Return ``url`` if it is one that a page may link to, otherwise the empty string."""
    return url if re.fullmatch(r"https?://[^\s<>\"'`\\]+", url) else ""


def file_link(path: str) -> str:
    """Return the relative address of a file in the run folder; empty for one that would lead out of it."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or plain(path) != path:
        return ""
    return "./" + quote("/".join(parts))
