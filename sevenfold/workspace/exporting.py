"""Writing a workspace back as a folder of YAML and CSV that loads to the same objects."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ..errors import SevenfoldError
from . import models
from .layers import OBJECTS, SCALARS, SECTIONS
from .reading import typed_scalar

_FILES = {"lifecycles": "lifecycle.yaml", "scores": "health.yaml"}


class ExportError(SevenfoldError):
    """A workspace cannot be written to the folder asked for."""

    code = "export_refused"


class _Dumper(yaml.SafeDumper):
    """Quotes every text that our reader would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if isinstance(typed_scalar(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> str:
    """Plain data as YAML in written order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def export(workspace: models.Workspace, folder: Path | str) -> list[Path]:
    """Writes ``workspace`` into an empty or new folder; the files written, in order.

    What it extended is written out in full, so ``extends`` is not kept. Raises ``ExportError`` for a folder
    that holds something or cannot be written.
    """
    target = Path(folder)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ExportError(
                f"`{target}` is not an empty folder", fix="name a new folder, or empty this one"
            )
        return _write(workspace, target)
    except OSError as error:
        raise ExportError(f"cannot write to `{target}`: {error.strerror}") from error


def _write(workspace: models.Workspace, target: Path) -> list[Path]:
    written: list[Path] = []

    def put(name: str, text: str) -> None:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        written.append(path)

    given = msgspec.to_builtins(workspace)
    put("workspace.yaml", to_yaml({field: given[field] for field in SCALARS if field in given}))
    for field in OBJECTS:
        if given.get(field):
            put(f"{field}.yaml", to_yaml(given[field]))
    for section in SECTIONS:
        objects = given.get(section)
        if not objects:
            continue
        if section == "catalogues":
            for name, catalogue in objects.items():
                if catalogue.get("rows"):
                    put(f"catalogues/{name}.csv", _csv(workspace.catalogues[name]))
                    catalogue["file"] = f"catalogues/{name}.csv"
                    del catalogue["rows"]
        put(_FILES.get(section, f"{section}.yaml"), to_yaml(objects))
    return written


def _csv(catalogue: models.Catalogue) -> str:
    text = io.StringIO(newline="")
    columns = list(catalogue.columns)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in catalogue.rows:
        writer.writerow([_cell(row.get(column), catalogue.columns[column]) for column in columns])
    return text.getvalue()


def _cell(value: Any, type_: models.type_of_value) -> str:
    if value is None:
        return ""
    if type_ == "json" or isinstance(value, bool):
        return msgspec.json.encode(value).decode()
    return repr(value) if isinstance(value, float) else str(value)
