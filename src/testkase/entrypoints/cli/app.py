"""Commands of operators, run beside the product or without it."""

import typer

app = typer.Typer(
    name="testkase",
    help="AI credits for TestKase: run it, migrate it, check it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
