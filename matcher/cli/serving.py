"""The commands of the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from matcher.cli.app import app
from matcher.cli.show import say, warn

if TYPE_CHECKING:
    from matcher.serve.keys import Keys

Place: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="CATALOG",
        help="Its folder, or postgresql://HOST/DATABASE?schema=NAME; left out where all keys name "
        "theirs.",
    ),
]
KeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FILE", help="YAML; 'matcher key NAME' makes its lines."),
]
Host: TypeAlias = Annotated[str, typer.Option(help="Address to listen on.")]
Port: TypeAlias = Annotated[int, typer.Option(help="0 for any that is free.", min=0, max=65535)]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the pictures that clients send to catalogues in PostgreSQL; those of "
        "others lie in the catalogue's own folder.",
    ),
]
Limits: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="YAML of limits, e.g. 'max_body_mb: 8'."),
]
Rate: TypeAlias = Annotated[
    float | None, typer.Option(help="Requests a second of each key; else as many.")
]


@app.command()
def serve(
    place: Place = None,
    keys: KeyFile = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    images: Images = None,
    limits: Limits = None,
    rate: Rate = None,
) -> None:
    """Serve a catalogue over HTTP: ask, add, remove, review.

    Without keys, only programs on this machine may ask, and may do everything. The routes are
    described at /openapi.json, in OpenAPI. Logs go to stderr, a line of JSON for each request.
    SIGTERM or Ctrl-C ends what is under way, then stops.
    """
    check_extra()
    from matcher.io.yaml_text import parse_yaml
    from matcher.serve.run import serve as run
    from matcher.serve.settings import ServeSettings

    table = {} if limits is None else parse_yaml(limits.read_text(encoding="utf-8"), str(limits))
    table |= {} if rate is None else {"rate": rate}
    settings = ServeSettings.read(table, str(limits or "the limits"))
    run(_keys(place, keys), host, port, settings=settings, images=images)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="What to call its holder, in logs and decisions.")],
    catalog: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="Catalogue that it opens; else the one served."),
    ] = None,
    rights: Annotated[str, typer.Option(metavar="A,B", help="Of read, write and review.")] = "read",
) -> None:
    """Make a key for the service: the lines for the file of keys, and the key itself.

    The key is shown this once, on stderr; the file holds its SHA-256 alone.
    """
    from matcher.serve.keys import key_lines, make_key

    text, digest = make_key()
    wanted = [right.strip() for right in rights.split(",") if right.strip()]
    for line in key_lines(name, digest, catalog, wanted).splitlines():
        say(line)
    warn(f"the key, shown this once: {text}")


def _keys(place: str | None, path: Path | None) -> Keys:
    """Who may ask what."""
    from matcher.errors import ConfigError
    from matcher.serve.keys import Keys, canonical, read_keys

    if path is not None:
        return read_keys(path, place)
    if place is None:
        raise ConfigError("Name a catalogue to serve, or a file of keys that does: --keys FILE.")
    return Keys(place=canonical(place))


def check_extra() -> None:
    """Find out whether the extra is installed.

    Raises:
        BackendError: If it is not.
    """
    from importlib.util import find_spec

    from matcher.errors import BackendError

    needed = (
        *("fastapi", "uvicorn", "httptools", "python_multipart", "prometheus_client"),
        "structlog",
    )
    missing = [module for module in needed if find_spec(module) is None]
    if missing:
        raise BackendError(
            f"The service needs {', '.join(missing)}. Run: pip install 'matcher[serve]'."
        )
