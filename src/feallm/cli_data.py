"""`feallm data …`: labelled data sets -> FEA instruction records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from feallm.console import Pipe, manners, say

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="A folder that `feallm data build` made.")]
Root = Annotated[
    Path | None, typer.Option("--root", help="Folder that holds the data sets now; without it FEALLM_DATA.")
]

data_app = typer.Typer(
    help="Labelled data sets: check them, build instruction records, look at them, export them.", no_args_is_help=True
)


@data_app.command()
def build(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file, such as configs/data/fer2013.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to replace.")] = None,
    engine: Annotated[str | None, typer.Option(help="local or ray; without it the recipe's.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="The store; without it the recipe's.")
    ] = None,
) -> None:
    """Compose instruction records about labelled faces; a build that was stopped goes on where it was."""
    from feallm.data.recipe import BuildRecipe
    from feallm.data.tally import DescribeError
    from feallm.settings import SettingsError, load_recipe
    from feallm.tables import OutputError

    changes = [*(overrides or []), *([f"engine={engine}"] if engine else [])]
    with manners(SettingsError, OutputError, FileNotFoundError, ValueError, DescribeError):
        settings = load_recipe(BuildRecipe, recipe, changes)
        settings = settings if output is None else settings.model_copy(update={"output": str(output)})
        from tqdm import tqdm

        from feallm.data.build import build as run  # slow to import: only for a recipe that can be used

        describer = None
        if settings.describe is not None:
            from feallm.data.describe import Describer

            describer = Describer(settings.describe)
        try:
            with tqdm(unit=" records", disable=None) as bar:
                describe = describer.describe if describer is not None else None
                store = run(settings, describe=describe, watch=lambda records: bar.update(records - bar.n))
        finally:
            if describer is not None:
                say(str(describer.report))
        say(f"{len(store):,} records about {store.manifest['faces']:,} faces")
        Pipe().print(Text(str(store.path)), soft_wrap=True)


@data_app.command()
def export(
    store: StoreFolder,
    to: Annotated[str, typer.Option("--to", help="llava, llamafactory, facial-r1 or hf.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    root: Root = None,
    write_images: Annotated[
        bool, typer.Option("--write-images", help="Put every picture into OUTPUT/images, also those out of tables.")
    ] = False,
) -> None:
    """Write a store in the form of another training code."""
    from feallm.data.export import export as write
    from feallm.data.store import open_store
    from feallm.settings import SettingsError
    from feallm.tables import OutputError

    with manners(SettingsError, OutputError, FileNotFoundError, ValueError):
        done = write(open_store(store, root), to, output, write_images=write_images)
        say(done.sentence())
        Pipe().print(Text("\n".join(map(str, done.files))), soft_wrap=True)


@data_app.command()
def stats(store: StoreFolder) -> None:
    """Count families, emotions, action units, lengths and distinct answers of a store."""
    from feallm.data.stats import tables, tally
    from feallm.data.store import open_store
    from feallm.settings import SettingsError

    with manners(SettingsError):
        opened = open_store(store)
        damaged = opened.damaged()
        if damaged:
            say(f"warning: not as they were written: {', '.join(damaged)}")
        console = Pipe()
        for table in tables(tally(opened.rows())):
            console.print(table)


@data_app.command()
def view(
    store: StoreFolder,
    count: Annotated[int, typer.Option("--n", help="Records to show, spread evenly.")] = 50,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("view.html"),
    root: Root = None,
) -> None:
    """Look at records of a store in one HTML page: faces, labels, conversations, and where each claim stands."""
    from feallm.data.store import open_store
    from feallm.data.view import write_view
    from feallm.settings import SettingsError
    from feallm.tables import OutputError

    with manners(SettingsError, OutputError):
        opened = open_store(store, root)
        found = write_view(opened, output, count)
        if found < min(count, len(opened)):
            missing = min(count, len(opened)) - found
            say(f"{missing} pictures were not found under {opened.pictures.root}: set --root to the data sets' folder")
        Pipe().print(Text(str(output)), soft_wrap=True)


@data_app.command()
def check(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The data set, such as fer2013.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Its folder, or its file.")],
    split: Annotated[list[str] | None, typer.Option("--split", help="Only this split; may be given again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object with every list in full.")] = False,
) -> None:
    """Compare a copy of a data set with what its owners publish, and look for what would spoil a number.

    Ends with 0 where all is well, 1 where a published number would come out wrong, 2 where the command itself was.
    """
    from feallm.data.doctor import examine

    with manners(ValueError, FileNotFoundError, NotADirectoryError):
        checkup = examine(source, path, split, progress=True)
        out = Pipe()
        if as_json:
            out.file.write(json.dumps(checkup.to_dict(), allow_nan=False) + "\n")
        else:
            from feallm.data.checkup_view import show

            show(checkup, out)
    raise typer.Exit(0 if checkup.ok else 1)
