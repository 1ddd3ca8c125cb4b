"""Commands about predictions: learn them from history, and tell everybody's value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from sevenfold.commands.api import connected, service_options
from sevenfold.commands.base import (
    Bar,
    Time,
    console,
    existing,
    json_option,
    new_folder,
    print_json,
    progress,
    size_of,
)  # fmt: skip
from sevenfold.errors import InputError
from sevenfold.limits import PREDICTION_SCORES_ITEMS_MAX

if TYPE_CHECKING:
    from sevenfold.foretelling import Learned
    from sevenfold.workspace.models import Workspace

_SHOWN: Final = 10
_MODELS_FILE: Final = "models.json"
_of = click.option(
    "--prediction", "names", multiple=True, help="Which of the workspace's predictions; all otherwise."
)
_data = click.option(
    "--data",
    type=existing(file_okay=False),
    help="Data folder of a service, instead of INPUTS.",
)
_mapping = click.option(
    "--mapping", type=existing(dir_okay=False), help="YAML file that says how rows become events."
)
_until = click.option("--until", type=Time(), help="History ends here (UTC), e.g. 2024-03-01.")


@click.command("train")
@click.argument("workspace", required=False)
@click.argument("inputs", nargs=-1, type=existing())
@_data
@_of
@_mapping
@_until
@click.option("--out", type=new_folder(), help=f"Folder for {_MODELS_FILE}, which `predict` reads.")
@click.option("--publish", is_flag=True, help="Put models and values in force at the service.")
@service_options
@json_option
def train_command(
    workspace: str | None, inputs: tuple[Path, ...], data: Path | None, names: tuple[str, ...],
    mapping: Path | None, until: int | None, out: Path | None, publish: bool, url: str | None,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Learn the predictions of WORKSPACE from history, and say how good they are.

    WORKSPACE is a folder or pack with a section `predictions`; INPUTS as for `replay`. With --data the
    history and the workspace are those of a service, which may be running. Models are judged on a later time
    than they were learned from; where outcomes are too few for a model, what stands in is named.

    \b
    Examples:
      sevenfold train seven-stage events.ndjson --prediction churn --out out/models
      sevenfold train --data data --publish
    """
    from sevenfold.foretelling import train
    from sevenfold.report.predictions import print_model

    model, paths = _history(workspace, inputs, data)
    with progress(as_json) as shown:
        bar = Bar(shown, size_of(tuple(paths)))
        note = shown.add_task("Learning", total=None, visible=False, note="")

        def say(name: str, text: str) -> None:
            shown.update(note, visible=True, note=f"{name}: {text}")

        found = train(
            model, paths, prediction=list(names), mapping=mapping, until=until, progress=bar, say=say
        )
    if out is not None:
        found.save(out / _MODELS_FILE)
    if publish:
        _publish(found, url, key, models=True, own_log=data is not None)
    if as_json:
        print_json([_plain(one) for one in found.models.values()])
        return
    screen = console()
    for one in found.models.values():
        print_model(screen, one)
    if out is not None:
        screen.print(f"\nModels: {out / _MODELS_FILE}", soft_wrap=True)


@click.command("predict")
@click.argument("workspace", required=False)
@click.argument("inputs", nargs=-1, type=existing())
@_data
@click.option(
    "--models", required=True, type=existing(), help=f"{_MODELS_FILE} of `train`, or the folder it lies in."
)
@_of
@_mapping
@_until
@click.option("--who", help="Explain this subject (id or identifier) alone.")
@click.option("--out", type=new_folder(), help="Folder for a table of values each, as Parquet.")
@click.option("--publish", is_flag=True, help="Put the values in force at the service, under their models.")
@service_options
@json_option
def predict_command(
    workspace: str | None, inputs: tuple[Path, ...], data: Path | None, models: Path, names: tuple[str, ...],
    mapping: Path | None, until: int | None, who: str | None, out: Path | None, publish: bool,
    url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Tell everybody's value of predictions that were learned before, as of the end of INPUTS (or --until).

    \b
    Examples:
      sevenfold predict seven-stage events.ndjson --models out/models
      sevenfold predict seven-stage events.ndjson --models out/models --prediction churn --who acme
      sevenfold predict --data data --models out/models --publish
    """
    from sevenfold.foretelling import models_of, predict

    model, paths = _history(workspace, inputs, data)
    held = models_of(models / _MODELS_FILE if models.is_dir() else models)
    wanted = {name: one for name, one in held.items() if not names or name in names}
    if not wanted:
        fix = f"the file has {', '.join(held)}"
        raise InputError(f"There is no model of {', '.join(names)}", where=str(models), fix=fix)
    with progress(as_json) as shown:
        bar = Bar(shown, size_of(tuple(paths)))
        found = predict(model, paths, wanted, mapping=mapping, until=until, progress=bar)
    if publish:
        _publish(found, url, key, models=False, own_log=data is not None)
    if out is not None:
        _write(found, out)
    if who is not None:
        _explained(found, who, as_json)
        return
    _shown(found, as_json)


def _history(
    workspace: str | None, inputs: tuple[Path, ...], data: Path | None
) -> tuple[Workspace, list[Path]]:
    """The workspace and where its history lies. Raises InputError."""
    from sevenfold.library import load
    from sevenfold.log.reader import LogReader
    from sevenfold.playback.foretelling import service_log, workspace_of

    if data is None:
        if workspace is None or not inputs:
            raise InputError("This needs a WORKSPACE and INPUTS", fix="or a service's folder, with --data")
        return load(workspace), list(inputs)
    if inputs:
        raise InputError("The service's own log is the history", fix="leave INPUTS out")
    folder = service_log(data)
    if workspace is not None:
        return load(workspace), [folder]
    reader = LogReader(folder)
    try:
        return workspace_of(reader), [folder]
    finally:
        reader.close()


def _plain(model: Any) -> dict[str, Any]:
    """A model for programs, without its parameters."""
    held: dict[str, Any] = msgspec.to_builtins(model)
    method = held.pop("parameters")["method"]
    return {**held, "method": method}


def _shown(found: Learned, as_json: bool) -> None:
    if as_json:
        told = {name: found.scores(name).to_pylist() for name in found.models}
        print_json(
            {name: [{**row, "value": _value(row["value"])} for row in rows] for name, rows in told.items()}
        )
        return
    screen = console()
    for name, model in found.models.items():
        values = found.values(name)
        screen.print(
            f"\n[bold]{name}[/bold]: {values.known():,} of {len(values.rows):,} asked about have a value"
            f" ({model.parameters['method']}, version {model.version})"
        )
        for row in found.scores(name).slice(0, _SHOWN).to_pylist():
            screen.print(f"  {_value(row['value'])!s:<12} {row['identifier'] or row['subject']}")
        drift = found.drift(name)
        if drift is not None and drift["verdict"] not in ("steady", "too_few"):
            moved = ", ".join(one["feature"] for one in drift["features"][:3])
            screen.print(f"  [yellow]! {drift['verdict']} since it was learned: {moved}[/yellow]")


def _value(value: Any) -> Any:
    if value is None:
        return None
    return round(value, 6) if isinstance(value, float) else value.isoformat()


def _explained(found: Learned, who: str, as_json: bool) -> None:
    from sevenfold.report.predictions import print_explained

    told: dict[str, Any] = {}
    for name in found.models:
        try:
            told[name] = found.explain(name, who)
        except InputError:
            # Not asked about them, or nothing was learned: another prediction may say something.
            continue
    if not told:
        raise InputError(f"No prediction says anything of `{who}`", fix="see the table without --who")
    if as_json:
        print_json(
            {
                name: {
                    "value": one.value, "log_odds": one.log_odds, "base": one.base,
                    "contributions": [each.to_json() for each in one.contributions],
                } for name, one in told.items()
            }
        )  # fmt: skip
        return
    for name, one in told.items():
        print_explained(console(), f"{name} of {who}", one)


def _write(found: Learned, out: Path) -> None:
    import pyarrow.parquet as pq

    out.mkdir(parents=True, exist_ok=True)
    for name in found.models:
        pq.write_table(found.scores(name), out / f"{name}.parquet")


def _publish(found: Learned, url: str | None, key: str | None, *, models: bool, own_log: bool) -> None:
    """Hands models and values to a service. Subjects go by their ids where the history is the service's own
    log, else by what they are called. Raises SevenfoldError.
    """
    with connected(url, key) as api:
        for name, model in found.models.items():
            if model.parameters["method"] == "none":
                continue
            if models:
                held = msgspec.to_builtins(model)
                fields = ("features", "as_of", "trained_at", "version", "parameters", "quality")
                api.post(f"/api/predictions/{name}/model", {field: held[field] for field in fields})
            by, told = found.given(name, by_id=own_log)
            for at in range(0, len(told), PREDICTION_SCORES_ITEMS_MAX):
                part = told[at : at + PREDICTION_SCORES_ITEMS_MAX]
                body = {
                    "by": by, "version": model.version, "as_of": found.values(name).time,
                    "subjects": [who for who, _ in part], "values": [value for _, value in part],
                }  # fmt: skip
                api.post(f"/api/predictions/{name}/scores", body)
