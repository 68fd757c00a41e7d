"""Addresses of static files that change with their content: browsers may cache them, and an upgrade is seen at once."""

import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


@lru_cache(maxsize=1024)
def _version(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        raise ValueError(f"There is no static file named {name!r}.")  # noqa: TRY004 - the value is wrong, not its type
    return hashlib.blake2b(Path(found).read_bytes(), digest_size=6).hexdigest()


class VersionedStaticFiles(StaticFilesStorage):
    """`/static/site.css?v=3f2a…`. No collecting, no build step: the file is served from where it lies."""

    def url(self, name: str | None) -> str:
        address = super().url(name)
        path = urlsplit(name or "").path
        return address if not path or path.endswith("/") else f"{address}?v={_version(path)}"
