"""Predictions over HTTP: which models are in force, and models and values that come from outside."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...learning.records import PredictionModel, record_of, score_records, version_of
from ...limits import (
    API_BODY_LARGE_BYTES_MAX,
    IDENTIFIER_CHARS_MAX,
    PREDICTION_FEATURES_ITEMS_MAX,
    PREDICTION_SCORES_ITEMS_MAX,
)
from ..errors import InvalidError
from .base import Asked, Done, done

Name = Annotated[str, Parameter(min_length=1, max_length=200, description="The name in the workspace.")]
Version = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Unit = Annotated[str, Meta(min_length=1, max_length=IDENTIFIER_CHARS_MAX)]


class InForce(Struct, kw_only=True):
    """The model in force: when it was trained (ms UTC), as of when it was learned, from which features, and
    what it says of its own quality.
    """

    version: str
    trained_at: int
    as_of: int
    features: list[str]
    quality: dict[str, Any]


class Taken(Struct, kw_only=True):
    """What became of the values that came: `unknown` were for subjects nobody knows, `outside` for who is
    not in the population, `late` as of earlier than the value that stands.
    """

    taken: int
    unknown: int
    outside: int
    late: int


class Prediction(Struct, kw_only=True):
    """A prediction as it stands. `model` is null as long as none was ever in force; `population`: how many
    are asked about (null: everybody); `known`: how many have a value; `histogram`: of probabilities, how many
    have each twentieth.
    """

    name: str
    of: str
    kind: Literal["probability", "amount", "time_to"]
    description: str
    target: dict[str, Any]
    horizon: str
    fallback: dict[str, Any] | None
    model: InForce | None
    versions: int
    population: int | None
    known: int
    histogram: list[int] | None
    scored_at: int | None
    scored_as_of: int | None
    values: Taken


class GivenModel(Struct, kw_only=True, forbid_unknown_fields=True):
    """A model of your own: what it was learned from (`features`, `as_of` ms UTC), what it consists of
    (`parameters`, kept in the log) and how good it is. `version` is 16 hexadecimal digits; without it it is
    made of the rest.
    """

    features: Annotated[list[Unit], Meta(min_length=1, max_length=PREDICTION_FEATURES_ITEMS_MAX)]
    as_of: Annotated[int, Meta(ge=0)] | None = None
    trained_at: Annotated[int, Meta(ge=0)] | None = None
    version: Version | None = None
    parameters: Any = None
    quality: dict[str, Any] = {}


class GivenScores(Struct, kw_only=True, forbid_unknown_fields=True):
    """Values of people or accounts: a probability from 0 to 1, an amount, or for `time_to` ms UTC; null where
    nothing is known any more. `by` says what `subjects` are: ids, an identifier such as `user_id` or `email`,
    or an account's `key`. They are as of `as_of` (ms UTC; now), by `version` (the model in force).
    """

    subjects: Annotated[list[Unit], Meta(min_length=1, max_length=PREDICTION_SCORES_ITEMS_MAX)]
    values: Annotated[list[float | None], Meta(min_length=1, max_length=PREDICTION_SCORES_ITEMS_MAX)]
    by: Annotated[str, Meta(min_length=1, max_length=200)] = "id"
    as_of: Annotated[int, Meta(ge=1)] | None = None
    version: Version | None = None


class ScoresTaken(Struct, kw_only=True):
    """What was done with the values of one request; `nobody` has such an identifier."""

    change: Done
    version: str
    nobody: int


@get("/predictions", scope="read", tags=["predictions"], operation_id="list_predictions")
async def list_predictions(caller: Asked) -> list[Prediction]:
    """Every prediction of the workspace with the model in force and its quality."""
    return msgspec.convert(await caller.ask("predictions"), list[Prediction])


@get("/predictions/{name:str}", scope="read", tags=["predictions"], operation_id="get_prediction")
async def get_prediction(caller: Asked, name: Name) -> Prediction:
    """One prediction with the model in force and its quality."""
    return msgspec.convert((await caller.ask("predictions", name=name))[0], Prediction)


@post(
    "/predictions/{name:str}/model",
    scope="admin",
    once=True,
    status_code=200,
    tags=["predictions"],
    operation_id="give_prediction_model",
    request_max_body_size=API_BODY_LARGE_BYTES_MAX,
)
async def give_model(caller: Asked, name: Name, data: JSONBody[GivenModel]) -> Done:
    """Puts a model in force. Values that people have stay until it tells others."""
    (prediction,) = await caller.ask("predictions", name=name)
    now = (await caller.ask("figures"))["time"]
    trained_at = now if data.trained_at is None else data.trained_at
    content = [name, data.features, data.parameters, data.quality, trained_at, data.as_of]
    model = PredictionModel(
        prediction=name,
        version=data.version or version_of(content),
        trained_at=trained_at,
        as_of=trained_at if data.as_of is None else data.as_of,
        kind=prediction["kind"],
        features=list(data.features),
        parameters=data.parameters,
        quality=data.quality,
    )
    told = await caller.tell("prediction.model", name, record_of(model), version=model.version)
    return done(told)


@post(
    "/predictions/{name:str}/scores",
    scope="admin",
    once=True,
    status_code=200,
    tags=["predictions"],
    operation_id="give_prediction_scores",
)
async def give_scores(caller: Asked, name: Name, data: JSONBody[GivenScores]) -> ScoresTaken:
    """Gives values to people or accounts. What depends on them (segments, stages, journeys) acts at once."""
    (prediction,) = await caller.ask("predictions", name=name)
    if len(data.subjects) != len(data.values):
        raise InvalidError("there is a value for each subject", where="values")
    version = data.version or (prediction["model"] or {}).get("version")
    if version is None:
        fix = f"POST /api/predictions/{name}/model"
        raise InvalidError(f"no model of `{name}` is in force", where="version", fix=fix)
    as_of = data.as_of if data.as_of is not None else (await caller.ask("figures"))["time"]
    found: list[str | None] = list(data.subjects)
    if data.by != "id":
        found = await caller.ask("ids", of=prediction["of"], kind=data.by, values=data.subjects)
    scale = 1 if prediction["kind"] == "time_to" else 1_000_000
    pairs = [
        (ident, None if value is None else round(value * scale))
        for ident, value in zip(found, data.values, strict=True)
        if ident is not None
    ]
    given = [ident for ident, _ in pairs], [value for _, value in pairs]
    nobody = len(found) - len(pairs)
    if not pairs:
        raise InvalidError("nobody has any of these identifiers", where="subjects", fix="see `by`")
    (record,) = score_records(name, version, as_of, *given)
    told = await caller.tell("prediction.scores", name, record, subjects=len(pairs), version=version)
    return ScoresTaken(change=done(told), version=version, nobody=nobody)


HANDLERS = [list_predictions, get_prediction, give_model, give_scores]
