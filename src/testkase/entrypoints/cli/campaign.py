"""`testkase campaign`: random and destructive tests of what must always hold.

They are no part of the product: they live beside its source, in the checkout, and need what its tests need. The command
finds them there.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from testkase.entrypoints.cli.app import app
from testkase.foundation.problems import Unavailable

_DEVELOPMENT = "pytest"
"""Is in the development environment and nowhere else."""


@app.command("campaign")
def run_campaign(
    name: Annotated[str, typer.Argument(help="Which; --list says what there is. All of them without a name.")] = "",
    size: Annotated[str, typer.Option(help="How much of what the campaign counts, or 'full'.")] = "",
    seed: Annotated[int | None, typer.Option(help="Repeats what an earlier run did at random.")] = None,
    after: Annotated[int, typer.Option(help="Go on after so much of it; for campaigns that take hours.")] = 0,
    reports: Annotated[Path | None, typer.Option(help="Folder of the reports; TESTKASE_DATA/campaigns.")] = None,
    record: Annotated[bool, typer.Option("--record", help="Note the result in docs/campaigns.md too.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Say what there is.")] = False,
) -> None:
    """Try to break what must always hold, at random and again from a seed; exit code 1 if something broke."""
    sys.path.insert(0, str(_checkout()))
    campaigns = import_module("campaigns.__main__")
    campaigns.main(name, size, seed, after, reports, record, show)


def _checkout() -> Path:
    """Where campaigns/ is. Raises Unavailable, with what to do."""
    beside_the_source, here = Path(__file__).resolve().parents[4], Path.cwd()
    for folder in (beside_the_source, here):
        if (folder / "campaigns" / "__main__.py").is_file():
            break
    else:
        raise Unavailable("Campaigns are part of a checkout of the source, and there is none here: run them in one.")
    if find_spec(_DEVELOPMENT) is None:
        raise Unavailable("Campaigns need the development environment: `make campaign` makes it.")
    return folder
