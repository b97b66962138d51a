"""The command that shows and empties the cache of vectors and networks."""

from __future__ import annotations

from typing import Annotated

import typer

from matcher.cli.app import app
from matcher.cli.show import say


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove it, and no other files.")] = False,
) -> None:
    """Say where vectors of earlier runs are kept, how many there are, and how large.

    Networks that were converted for faster starts lie beside them.

    The folder is that of the environment variable MATCHER_CACHE ("off" keeps nothing), else the
    user's cache folder. Vectors take 10 GB at most, or as many as MATCHER_CACHE_GB says; the 20
    networks used last are kept.
    """
    from matcher.io.cache_place import clear_networks, size_of_networks
    from matcher.io.vector_files import clear_vectors, list_vectors, vectors_folder

    folder = vectors_folder()
    if folder is None:
        say("There is no cache: MATCHER_CACHE is off, or the user has no home folder.")
        return
    if clear:
        freed = clear_vectors(folder) + clear_networks()
        say(f"{freed / 1e6:,.1f} MB removed from {folder.parent}.")
        return
    files = list_vectors(folder)
    for file in files:
        made_by = file.made_by or f"{file.path.name} cannot be read"
        say(f"{file.n_vectors:12,} vectors  {file.n_bytes / 1e6:10,.1f} MB  {made_by}")
    networks = size_of_networks()
    if networks:
        say(f"{'networks':>20}  {networks / 1e6:10,.1f} MB  converted for faster starts")
    total = (sum(file.n_bytes for file in files) + networks) / 1e6
    say(f"{total:,.1f} MB in {folder.parent}; 'matcher cache --clear' removes all of it.")
