"""Commands about rights: rights, takedown."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vsd2m.cli.output import print_json, print_table
from vsd2m.cli.runs import JsonOption, RunArgument
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.run import Run

if TYPE_CHECKING:
    import polars as pl


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("rights", epilog="Example: vsd2m rights demo/run")(rights)
    app.command("takedown", epilog="Example: vsd2m takedown demo/run/shards examples/takedown.yaml")(takedown)


def rights(
    run: RunArgument,
    as_json: JsonOption = False,
    rows: Annotated[
        Path | None, typer.Option(help="Write the ledger, a row per sticker, to this .parquet, .csv or .jsonl file.")
    ] = None,
) -> None:
    """Sums up by host and licence what was kept, what was reserved, and what sites and pictures said."""
    from vsd2m.crawl.rights.ledger import rights_by_host, rights_ledger

    ledger = rights_ledger(Run.open(run))
    if rows is not None:
        _write(ledger, rows)
    groups = rights_by_host(ledger)
    if as_json:
        print_json([group.to_json() for group in groups])
        return
    table = Table("host", "licence", "kept", "rejected", "what was said (times)", title=run)
    for group in groups:
        reasons = ", ".join(f"{reason} {number}" for reason, number in group.reasons.most_common())
        statements = "\n".join(f"{statement} ({number})" for statement, number in group.statements.most_common(5))
        table.add_row(group.host, group.licence or "none stated", str(group.num_kept), reasons, statements)
    print_table(table)


def takedown(
    shards: Annotated[str, typer.Argument(metavar="SHARDS", help="Folder or URL of published shards.")],
    listed: Annotated[str, typer.Argument(metavar="LIST", help="File of addresses, hosts, authors and keys.")],
    apply: Annotated[bool, typer.Option("--apply", help="Remove them; without it nothing is written.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Says which stickers of published shards are on a takedown list, and with --apply removes them."""
    from vsd2m.core.takedown import TakedownList
    from vsd2m.shard.publishing.takedown import find_taken_down, take_down, to_json

    entries = TakedownList.read(listed)
    if not entries:
        raise ConfigError(f"{listed} is empty; expected at least one address, host, author or key")
    stickers = take_down(shards, entries) if apply else find_taken_down(shards, entries)
    if as_json:
        print_json(to_json(stickers))
        return
    for sticker in stickers:
        typer.echo(f"{sticker.shard}: {sticker.key}: {sticker.entry}")
    num_shards = len({sticker.shard for sticker in stickers})
    if apply:
        typer.echo(f"{shards}: removed {len(stickers)} stickers from {num_shards} shards")
    else:
        typer.echo(f"{shards}: {len(stickers)} stickers in {num_shards} shards would be removed; --apply removes them")


def _write(ledger: "pl.DataFrame", path: Path) -> None:
    import polars as pl

    writers = {
        ".parquet": lambda: ledger.write_parquet(path),
        ".csv": lambda: ledger.with_columns(pl.col("statements").list.join("; ")).write_csv(path),
        ".jsonl": lambda: ledger.write_ndjson(path),
    }
    if path.suffix not in writers:
        raise ConfigError(f"--rows {path}: expected a name that ends in {', '.join(writers)}")
    try:
        writers[path.suffix]()
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
