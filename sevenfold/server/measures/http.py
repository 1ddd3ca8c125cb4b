"""Analyses over HTTP: which there are, ask one, ask in SQL, and questions kept under a name."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.params import JSONBody, Parameter
from msgspec import Meta, Struct

from ...limits import WAREHOUSE_SQL_CHARS_MAX, WAREHOUSE_SQL_ROWS_MAX
from ...measures import find, names, question_from
from ...measures.saved import Saved
from ..admin.base import Asked
from .digest_http import HANDLERS as DIGESTS
from .line import asked
from .saved import saved_question, saved_questions

Name = Annotated[str, Parameter(min_length=1, max_length=100, description="The name of an analysis.")]
SavedName = Annotated[str, Parameter(min_length=1, max_length=100, description="The name it is kept under.")]


class AnalysisShown(Struct, kw_only=True):
    """An analysis: what it says, and the JSON Schema of its question."""

    name: str
    summary: str
    text: str
    question: dict[str, Any]


class AnswerShown(Struct, kw_only=True):
    """What an analysis found: a sentence, figures with their intervals, tables as rows, and what to beware
    of.
    """

    question: dict[str, Any]
    sentence: str
    estimates: list[dict[str, Any]]
    tables: dict[str, list[dict[str, Any]]]
    caveats: list[dict[str, Any]]


class SqlAsked(Struct, kw_only=True, forbid_unknown_fields=True):
    """One SELECT over the tables of the warehouse, and how many rows at most."""

    sql: Annotated[str, Meta(min_length=1, max_length=WAREHOUSE_SQL_CHARS_MAX)]
    rows: Annotated[int, Meta(ge=1, le=WAREHOUSE_SQL_ROWS_MAX)] = 1_000


class SqlAnswer(Struct, kw_only=True):
    """The rows."""

    rows: list[dict[str, Any]]


class Through(Struct, kw_only=True):
    """How far the warehouse is: the log position and the effect it wants next, and its time (ms UTC)."""

    position: int
    number: int
    time: int


@get("/analyses", scope="read", tags=["measures"], operation_id="list_analyses", sync_to_thread=True)
def list_analyses(caller: Asked) -> list[AnalysisShown]:
    """Every analysis, with the fields of its question."""
    found = []
    for name in names():
        one = find(name)
        schema = msgspec.json.schema(one.question, ref_template="#/$defs/{name}")
        found.append(AnalysisShown(name=name, summary=one.summary, text=one.text, question=schema))
    return found


@post("/ask/{analysis:str}", scope="read", tags=["measures"], operation_id="ask", status_code=200)
async def ask_analysis(caller: Asked, analysis: Name, data: JSONBody[dict[str, Any]]) -> AnswerShown:
    """Answers one analysis. The body holds the fields of its question, as `/api/analyses` describes them."""
    question = question_from(analysis, data)
    fields = msgspec.to_builtins(question)
    answer = await asked(caller.services.warehouse, {"analysis": analysis, "fields": fields})
    return msgspec.convert(answer, AnswerShown)


@post("/warehouse/sql", scope="admin", tags=["measures"], operation_id="ask_sql", status_code=200)
async def ask_sql(caller: Asked, data: JSONBody[SqlAsked]) -> SqlAnswer:
    """Answers one SELECT, read only, bounded in time and memory, without files and network."""
    return msgspec.convert(await asked(caller.services.warehouse, msgspec.to_builtins(data)), SqlAnswer)


@get("/warehouse", scope="read", tags=["measures"], operation_id="get_warehouse")
async def get_warehouse(caller: Asked) -> Through:
    """How far the warehouse is."""
    return msgspec.convert(await asked(caller.services.warehouse, {}), Through)


@get("/questions", scope="read", tags=["measures"], operation_id="list_questions")
async def list_questions(caller: Asked) -> list[Saved]:
    """Questions that are kept, by name."""
    return list(saved_questions(caller.services.settings.data_folder).values())


@put("/questions/{name:str}", scope="write", tags=["measures"], operation_id="keep_question")
async def keep_question(caller: Asked, name: SavedName, data: JSONBody[dict[str, Any]]) -> Saved:
    """Keeps a question under a name: `{"analysis": ..., ...its fields}`."""
    question = question_from(str(data.get("analysis", "")), data)
    kept = Saved(name=name, question=msgspec.to_builtins(question))
    saved_questions(caller.services.settings.data_folder, keep=kept)
    caller.note("question.keep", name)
    return kept


@delete(
    "/questions/{name:str}", scope="write", tags=["measures"], operation_id="forget_question", status_code=200
)
async def forget_question(caller: Asked, name: SavedName) -> list[Saved]:
    """Forgets a kept question; gives those that are left."""
    left = saved_questions(caller.services.settings.data_folder, forget=name)
    caller.note("question.forget", name)
    return list(left.values())


@get("/questions/{name:str}/answer", scope="read", tags=["measures"], operation_id="answer_question")
async def answer_question(caller: Asked, name: SavedName) -> AnswerShown:
    """Answers a question that is kept."""
    kept = saved_question(caller.services.settings.data_folder, name)
    fields = {key: value for key, value in kept.question.items() if key != "analysis"}
    asking = {"analysis": kept.question["analysis"], "fields": fields}
    return msgspec.convert(await asked(caller.services.warehouse, asking), AnswerShown)


HANDLERS = (
    list_analyses,
    ask_analysis,
    ask_sql,
    get_warehouse,
    list_questions,
    keep_question,
    forget_question,
    answer_question,
    *DIGESTS,
)
