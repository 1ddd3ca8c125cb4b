"""The OpenAPI document: valid, complete, true to what the routes do; and the reference page made of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from jsonschema import Draft202012Validator
from litestar.handlers import HTTPRouteHandler
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sevenfold.server.admin.describing import document
from sevenfold.server.admin.examples import ERRORS
from sevenfold.server.admin.reference import reference
from sevenfold.server.errors import STATUS
from sevenfold.server.members import ROLES
from tests.edges.admin.api_world import Api, small

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "http-api.md"
DOCUMENT = document()
EXAMPLES = 60 if settings().max_examples > 1_000 else 2
"""Of each route, well-formed ones and others; many in a soak."""
OURS = {"authorization", "user-agent", "host", "content-length", "origin", "sec-fetch-site"}
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, item[method])
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in item
    ]


def test_every_route_is_described(api: Api) -> None:
    served = {
        (method.lower(), route.path_format)
        for route in api.app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        for method in handler.http_methods
        if method != "OPTIONS"
    }
    described = {(method, path) for method, path, _ in operations()}
    assert served - described == {("get", "/api/openapi.json")}
    assert described <= served


def test_the_document_is_openapi_3_1_and_its_schemas_are_schemas() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description") or name == "Error" or schema.get("enum"), f"{name} says nothing"


@pytest.mark.parametrize(
    ("method", "path", "one"), operations(), ids=lambda one: one if isinstance(one, str) else ""
)
def test_an_operation_is_complete(method: str, path: str, one: dict[str, Any]) -> None:
    assert one["operationId"] and one["summary"] and one["description"] and one["tags"]
    assert one["x-scope"] in ("open", "read", "write", "admin")
    assert one["security"] == ([] if one["x-scope"] == "open" else [{"key": []}, {"session": []}])
    assert one["x-role"] in ("open", *ROLES)
    named = {each["name"] for each in one.get("parameters", ()) if each["in"] == "path"}
    assert all("{" + name + "}" in path for name in named) and path.count("{") == len(named)
    assert all(each["description"] for each in one.get("parameters", ()))
    good = [status for status in one["responses"] if status.startswith(("2", "3"))]
    assert len(good) == 1
    for status, response in one["responses"].items():
        if status.startswith(("4", "5")) and path != "/ready":
            content = response["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"} and content["example"]
    if one["x-scope"] != "open":
        assert {"400", "401", "403", "429", "503"} <= one["responses"].keys()
    if method in ("post", "put") and "requestBody" in one:
        assert one["requestBody"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize(
    "operation", [one["operationId"] for _, _, one in operations() if "requestBody" in one]
)
def test_every_body_has_an_example_that_fits_it(operation: str) -> None:
    one = next(each for *_, each in operations() if each["operationId"] == operation)
    (body,) = one["requestBody"]["content"].values()
    whole = {**body["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(whole).validate(body["example"])


@pytest.mark.parametrize("status", sorted(ERRORS))
def test_examples_of_errors_are_errors(status: str) -> None:
    schema = DOCUMENT["components"]["schemas"]["Error"]
    Draft202012Validator(schema).validate(ERRORS[status])
    assert STATUS.get(ERRORS[status]["code"], 400) == int(status)


def test_operations_have_names_of_their_own() -> None:
    names = [one["operationId"] for *_, one in operations()]
    assert len(names) == len(set(names))


def test_the_reference_page_is_fresh() -> None:
    made = "python -m sevenfold.server.admin.reference > docs/reference/http-api.md"
    assert PAGE.read_text("utf-8") == reference(), f"run: {made}"


# ------------------------------------------------------------------------------------------ schemathesis

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
WRITES_SNAPSHOTS = {"erase_person", "list_erasures", "get_warehouse", "ask", "ask_sql"}
"""Answered with 503 by a service of one process."""
ENDLESS = {"/api/stream"}
ASKED = [
    (one["operationId"], mode)
    for _, path, one in operations()
    if path not in ENDLESS
    for mode in GenerationMode
    # What has neither parameters nor a body cannot be asked wrongly.
    if mode is GenerationMode.POSITIVE or "parameters" in one or "requestBody" in one
]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Somebody is inside a journey, and a message is on its way."""
    with Api(small(), tmp_path_factory.mktemp("busy")) as made:
        made.event("identify", "ada", traits={"email": "ada@shop.example"})
        made.event("track", "ada", event="Hi")
        made.wait(86_400_000)
        yield made


@pytest.mark.parametrize(("operation", "mode"), ASKED)
def test_whatever_is_asked_is_answered_as_described(busy: Api, operation: str, mode: GenerationMode) -> None:
    found = SCHEMA.find_operation_by_id(operation)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=found.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://api.test")
        kept = {name: sent[name] for name in ("params", "json", "data", "files") if sent.get(name)}
        body = {"content": kept.pop("data")} if isinstance(kept.get("data"), bytes | str) else {}
        headers = {name: str(value) for name, value in sent["headers"].items() if value is not None}
        headers = {name: value for name, value in headers.items() if name.lower() not in OURS}
        assume(all(value.isascii() for value in headers.values()))
        answer = busy.request(sent["method"], sent["url"], headers=headers, **kept, **body)
        answer.request.headers.pop("authorization", None)
        checks = CHECKS[1:] if answer.status_code == 503 and operation in WRITES_SNAPSHOTS else CHECKS
        case.validate_response(answer, checks=checks)

    ask()
