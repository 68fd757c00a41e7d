"""The pages' HTML files, filled in: every value is escaped unless it is HTML already."""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(name: str, /, *, folder: str = "checkout/pages", **values: object) -> Html:
    """`<folder>/<name>.html` with its $places filled."""
    shown = {key: value if isinstance(value, Html) else escape(str(value)) for key, value in values.items()}
    return Html(_page(folder, name).substitute(shown))


def joined(parts: list[Html]) -> Html:
    return Html("\n".join(parts))


NOTHING = Html("")


@cache
def _page(folder: str, name: str) -> Template:
    return Template(files("razorpay_simulator").joinpath(folder, f"{name}.html").read_text(encoding="utf-8"))


@cache
def static(name: str) -> bytes:
    """A style sheet or script. Raises FileNotFoundError."""
    return files("razorpay_simulator").joinpath("checkout/static", name).read_bytes()
