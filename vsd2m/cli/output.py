"""Results on stdout."""

import json
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """JSON for machines."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(table: Table) -> None:
    """A table as wide as the terminal, or as it needs where stdout is a file."""
    console = Console()
    Console(width=None if console.is_terminal else 160).print(table)
