"""Predictions in the fold: which records are taken, what a value moves, and how long it stands."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sevenfold.effects import Effect
from sevenfold.engine import ControlError, Fold
from sevenfold.learning.records import (
    PredictionModel,
    PredictionScores,
    record_of,
    score_records,
    version_of,
)
from sevenfold.limits import PREDICTION_SCORES_ITEMS_MAX, PREDICTION_VERSIONS_ITEMS_MAX
from tests.unit.journeys.running import START, Running, moment, on, step

PREDICTIONS: dict[str, Any] = {
    "churn": {"target": {"event": "Cancelled"}, "horizon": "30d", "population": "logins >= 1"},
    "next": {"kind": "time_to", "target": {"event": "Order"}, "horizon": "90d"},
    "team_churn": {"of": "account", "target": {"event": "Cancelled"}, "horizon": "30d"},
}
SECTIONS: dict[str, Any] = {
    "predictions": PREDICTIONS,
    "segments": {
        "risky": {"when": "prediction.churn >= 0.7"},
        "due": {"when": "until_next <= 3d"},
        "team_risky": {"when": "account.prediction.team_churn > 0.5"},
    },
    "signals": {
        "logins": {"kind": "count", "event": "Signed In", "window": "7d"},
        "until_next": {"kind": "until_date", "date": "prediction.next"},
        "team_risk": {
            "kind": "rollup",
            "of": "account",
            "aggregate": "average",
            "signal": "prediction.churn",
        },
    },
}
HOLD = {"hold": step("wait", for_="30d")}


class Foretold(Running):
    """A world with predictions, their models in force from the start."""

    def __init__(self, journeys: dict[str, Any] | None = None, **sections: Any) -> None:
        super().__init__(journeys or {}, **SECTIONS | sections)
        for name in self.workspace.predictions:
            self.model("0s", name)

    def model(self, at: str, name: str, content: Any = 1, **more: Any) -> list[Effect]:
        kind = self.workspace.predictions[name].kind
        given = {"trained_at": moment(at), "as_of": moment(at) - 1, "kind": kind, "features": ["logins"]}
        given |= {"version": version_of(content)} | more
        record = record_of(PredictionModel(prediction=name, **given))
        return self.control(at, record.pop("op"), **record)

    def score(
        self, at: str, name: str, values: dict[str, Any], *, content: Any = 1, **more: Any
    ) -> list[Effect]:
        """Values by user (or account) in natural units."""
        of = self.workspace.predictions[name].of
        scale = 1 if self.workspace.predictions[name].kind == "time_to" else 1_000_000
        ids = [self.id_of(who) if of == "person" else self.account_id(who) for who in values]
        units = [None if value is None else round(value * scale) for value in values.values()]
        given = {"version": version_of(content), "as_of": moment(at)} | more
        record = record_of(PredictionScores(prediction=name, subjects=ids, values=units, **given))
        return self.control(at, record.pop("op"), **record)

    def row(self, user: str) -> int:
        return self.fold.identity.find("user_id", user)

    def id_of(self, user: str) -> str:
        row = self.row(user)
        return self.fold.id_of(self.fold.person, row) if row else "f" * 16

    def account_id(self, key: str) -> str:
        return self.fold.id_of(self.fold.account, self.fold.account_rows[key])

    def value(self, user: str, name: str = "churn") -> Any:
        return self.fold.read("person", self.row(user))["predictions"][name]["value"]

    def inside(self, user: str) -> list[str]:
        found: list[str] = self.fold.read("person", self.row(user))["segments"]
        return found


def people(world: Foretold, *users: str, at: str = "1h") -> None:
    for user in users:
        world.track(at, user, "Signed In")


def test_a_value_is_unknown_until_a_record_brings_it_and_moves_a_segment_at_once() -> None:
    world = Foretold()
    people(world, "a", "b")
    assert world.value("a") is None
    told = world.score("2h", "churn", {"a": 0.8, "b": 0.2})
    assert [(one.kind, one.subject) for one in told] == [("entered", world.id_of("a"))]
    assert (world.value("a"), world.value("b")) == (0.8, 0.2)
    shown = world.fold.read("person", world.row("a"))["predictions"]["churn"]
    assert shown == {"value": 0.8, "as_of": moment("2h"), "version": version_of(1)}


def test_whoever_leaves_the_population_has_no_value_any_more() -> None:
    world = Foretold()
    people(world, "a")
    world.score("2h", "churn", {"a": 0.9})
    # The only log-in leaves its window of a week.
    told = world.until("8d")
    assert ("left", "risky") in [(one.kind, one.name) for one in told]
    assert world.fold.read("person", world.row("a"))["predictions"]["churn"] == {
        "value": None, "as_of": None, "version": None,
    }  # fmt: skip
    world.score("8d 1h", "churn", {"a": 0.9})
    assert world.value("a") is None
    assert world.fold.predictions["churn"].outside == 1
    people(world, "a", at="8d 2h")
    assert world.value("a") is None, "asked about again, but not scored yet"
    world.score("8d 3h", "churn", {"a": 0.9})
    assert world.inside("a") == ["risky"]


def test_unknown_people_are_counted_and_older_values_never_replace_newer_ones() -> None:
    world = Foretold()
    people(world, "a")
    world.score("3h", "churn", {"a": 0.9, "nobody": 0.5})
    world.score("4h", "churn", {"a": 0.1}, as_of=moment("2h"))
    book = world.fold.predictions["churn"]
    assert (world.value("a"), book.taken, book.unknown, book.late) == (0.9, 1, 1, 1)
    world.score("5h", "churn", {"a": None})
    assert world.value("a") is None
    assert not world.inside("a")


def test_a_predicted_date_feeds_clocks_and_date_triggers() -> None:
    date = {"kind": "date", "date": "prediction.next", "offset": "-1d"}
    world = Foretold({"j": {"triggers": [date], "steps": HOLD}})
    people(world, "a")
    world.score("2h", "next", {"a": START + 5 * 86_400_000})
    assert not world.inside("a")
    told = world.until("2d 1h")
    assert ("entered", "due", START + 2 * 86_400_000) in [(one.kind, one.name, one.time) for one in told]
    assert [one.time for one in world.until("6d") if one.kind == "run"] == [START + 4 * 86_400_000]
    # Foretold anew, for later: the segment is left again.
    world.score("6d", "next", {"a": START + 60 * 86_400_000})
    assert not world.inside("a")


def test_an_account_s_prediction_reaches_its_members_at_the_tick_and_members_values_its_roll_up() -> None:
    world = Foretold()
    for user in ("a", "b"):
        world.event("1h", "group", user, {"groupId": "acme", "traits": {}})
        people(world, user)
    world.score("2h", "team_churn", {"acme": 0.9})
    assert not world.inside("a")
    world.score("2h", "churn", {"a": 0.6, "b": 0.2})
    world.until("2h 2s")
    assert "team_risky" in world.inside("a")
    account = world.fold.read("account", world.fold.account_rows["acme"])
    assert account["signals"]["team_risk"] == 0.4
    assert account["predictions"]["team_churn"]["value"] == 0.9


def test_a_journey_starts_when_a_prediction_crosses_its_bound_and_not_because_it_is_beyond() -> None:
    trigger = {"kind": "prediction", "prediction": "churn", "above": 0.7}
    world = Foretold({"j": {"triggers": [trigger], "re_entry": {"unlimited": 5}, "steps": HOLD}})
    people(world, "a")
    world.score("2h", "churn", {"a": 0.65})
    assert not world.of("run")
    told = world.score("3h", "churn", {"a": 0.7})
    assert [one.data["trigger"] for one in told if one.kind == "run"] == ["prediction churn above 0.7"]
    world.score("4h", "churn", {"a": 0.95})
    assert len(world.of("run")) == 1
    world.score("5h", "churn", {"a": 0.2})
    world.score("6h", "churn", {"a": 0.8})
    assert len(world.of("run")) == 2


def test_a_health_score_may_be_measured_by_a_prediction() -> None:
    score = {
        "measures": {"risk": {"signal": "prediction.churn", "points": [[0, 100], [1, 0]]}},
        "weights": [{"weights": {"risk": 1}}],
        "bands": [{"name": "red", "from": 0}, {"name": "green", "from": 60}],
    }
    world = Foretold(scores={"health": score})
    people(world, "a")
    assert world.fold.read("person", world.row("a"))["bands"]["health"] is None
    told = world.score("2h", "churn", {"a": 0.75})
    assert [(one.kind, one.data["to"], one.data["value"]) for one in told if one.kind == "band"] == [
        ("band", "red", 25.0)
    ]


def test_a_stage_move_names_the_prediction_as_its_cause_with_the_value_it_saw() -> None:
    stages = [{"name": "calm"}, {"name": "at_risk", "enter": "prediction.churn >= 0.7"}]
    world = Foretold(lifecycles={"life": {"stages": stages}})
    people(world, "a")
    (move,) = [one for one in world.score("2h", "churn", {"a": 0.8}) if one.kind == "stage"]
    assert move.data["why"]["cause"] == {"kind": "prediction", "name": "churn", "seq": 5}
    assert "0.8" in str(move.data["why"]["atoms"])


def test_of_two_people_who_are_one_the_value_foretold_last_stands() -> None:
    world = Foretold()
    people(world, "a", "b")
    world.score("2h", "churn", {"a": 0.1})
    world.score("3h", "churn", {"b": 0.9})
    gone = world.id_of("b")
    world.event("4h", "alias", "a", {"previousId": "b"})
    assert world.value("a") == 0.9
    assert world.inside("a") == ["risky"]
    # And what was computed of the one who is no more is of who they are now.
    (record,) = score_records("churn", version_of(1), moment("5h"), [gone], [300_000])
    world.control("5h", record.pop("op"), **record)
    assert world.value("a") == 0.3


def test_an_erased_person_has_no_prediction_and_their_id_leads_to_nobody() -> None:
    world = Foretold()
    people(world, "a")
    world.score("2h", "churn", {"a": 0.9})
    gone, row = world.id_of("a"), world.row("a")
    world.control("3h", "erase", person={"user_id": "a"})
    node = world.fold.person.predictions["churn"]
    assert node.values.data[row] == node.unknown
    assert node.as_of(row) == 0
    (record,) = score_records("churn", version_of(1), moment("4h"), [gone], [300_000])
    world.control("4h", record.pop("op"), **record)
    assert world.fold.predictions["churn"].unknown == 1


def test_the_newest_model_is_in_force_and_says_so_once() -> None:
    world = Foretold()
    (told,) = world.model("1h", "churn", 2, quality={"auc": 0.85})
    assert (told.kind, told.name, told.of) == ("model", "churn", "workspace")
    assert told.data["version"] == version_of(2)
    assert told.data["before"] == version_of(1)
    book = world.fold.predictions["churn"]
    assert (book.in_force, book.quality, book.features) == (version_of(2), {"auc": 0.85}, ["logins"])
    # Back to the one before: its values never lost their name.
    world.model("2h", "churn", 1)
    assert (book.in_force, len(book.versions)) == (version_of(1), 2)


def test_more_versions_than_are_told_apart_take_the_oldest_ones_numbers() -> None:
    world = Foretold()
    book = world.fold.predictions["churn"]
    for number in range(PREDICTION_VERSIONS_ITEMS_MAX):
        book.publish(f"{number:016x}")
    assert len(book.versions) == PREDICTION_VERSIONS_ITEMS_MAX
    assert book.number_of(version_of(1)) == 0
    assert book.number_of(f"{PREDICTION_VERSIONS_ITEMS_MAX - 1:016x}") == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("prediction", "chrun", "there is no prediction `chrun`"),
        ("version", "0" * 16, "was ever in force"),
        ("as_of", moment("3h"), "a time that has come"),
        ("values", [1_000_001], "is no probability"),
        ("values", [-1], "is no probability"),
        ("values", [0.5], "the record is none"),
        ("values", [1, 2], "a value for each subject"),
        ("subjects", ["f" * 16] * (PREDICTION_SCORES_ITEMS_MAX + 1), "a value for each subject"),
    ],
)
def test_a_record_that_cannot_be_is_refused_as_a_whole(field: str, value: Any, says: str) -> None:
    world = Foretold()
    people(world, "a")
    (record,) = score_records("churn", version_of(1), moment("2h"), [world.id_of("a")], [1])
    with pytest.raises(ControlError, match=says.replace("(", r"\(")):
        world.fold.control(moment("2h"), record | {field: value})
    assert world.value("a") is None


def test_a_model_of_another_kind_or_from_the_future_is_refused() -> None:
    world = Foretold()
    with pytest.raises(ControlError, match="is of kind probability"):
        world.model("1h", "churn", kind="amount")
    with pytest.raises(ControlError, match="before it was trained"):
        world.model("1h", "churn", as_of=moment("2h"))
    with pytest.raises(ControlError, match="is no version"):
        world.model("1h", "churn", version="latest")


def test_a_changed_question_is_unknown_until_scored_and_other_changes_keep_the_values() -> None:
    world = Foretold()
    people(world, "a", "b")
    world.score("2h", "churn", {"a": 0.9, "b": 0.1})
    plain = msgspec.to_builtins(world.workspace)

    def published(fold: Fold, **fields: Any) -> Fold:
        changed = {**plain, "predictions": {**plain["predictions"]}}
        changed["predictions"]["churn"] = plain["predictions"]["churn"] | fields
        fold = Fold.restore(world.workspace, fold.snapshot())
        fold.tell(moment("3h"), {"op": "workspace", "workspace": changed})
        return fold

    same = published(world.fold, features=["logins"], retrain="1d", description="how soon")
    row = world.row("a")
    assert same.read("person", row)["predictions"]["churn"]["value"] == 0.9
    assert same.predictions["churn"].in_force == version_of(1)
    for field in ({"horizon": "60d"}, {"target": {"event": "Gone"}}, {"population": "logins >= 0"}):
        other = published(world.fold, **field)
        assert other.read("person", row)["predictions"]["churn"]["value"] is None
        assert "churn" not in other.predictions
        assert not other.read("person", row)["segments"]


def test_a_prediction_that_is_published_later_finds_those_who_are_there() -> None:
    world = Running({}, segments={})
    for user in ("a", "b", "c"):
        world.track("1h", user, "Signed In")
    fold = world.fold
    ids = [fold.id_of(fold.person, row) for row in (1, 2, 3)]
    plain = msgspec.to_builtins(world.workspace)
    fold.tell(moment("2h"), {"op": "workspace", "workspace": plain | {"predictions": {
        "p": {"target": {"event": "Gone"}, "horizon": "7d"}
    }}})  # fmt: skip
    model = PredictionModel(
        prediction="p", version=version_of(0), trained_at=1, as_of=1, kind="probability", features=["x"]
    )
    fold.control(moment("2h"), record_of(model))
    (record,) = score_records("p", version_of(0), moment("2h"), ids, [1, 2, 3])
    fold.control(moment("2h"), record)
    values = [fold.read("person", row)["predictions"]["p"]["value"] for row in (1, 2, 3)]
    assert values == [1e-6, 2e-6, 3e-6]
    assert fold.predictions["p"].taken == 3


def test_a_template_names_the_value_that_stood_when_the_message_was_decided() -> None:
    message = {"say": step("message", template="offer")}
    template = {"offer": {"channel": "in_app", "body": "{{ prediction.churn | times: 100 | round }} %"}}
    journeys = {"j": {"triggers": [on("Asked")], "steps": message}}
    world = Foretold(journeys, templates=template)
    people(world, "a")
    world.score("2h", "churn", {"a": 0.25})
    world.track("3h", "a", "Asked")
    (said,) = world.of("message")
    assert said.data["values"]["prediction.churn"] == 0.25
