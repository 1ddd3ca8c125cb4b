"""Surveys and forms: asked in a real browser, answered with mouse and keyboard, and told as events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .conftest import Visit

Shot = Callable[..., Any]


def test_a_score_with_a_comment_becomes_one_event(visit: Visit, shot: Shot) -> None:
    visit.open().show("nps")
    visit.box("label:has-text('9')").click()
    visit.box("textarea").fill("  It saves me an hour.  ")
    shot(visit)
    ident = visit.ident()
    visit.box("text=Send").click()
    answer = visit.come("NPS Answered")["properties"]
    assert (answer["score"], answer["comment"]) == (9, "It saves me an hour.")
    assert (answer["plan"], answer["survey"], answer["journey"]) == ("pro", "quarterly", "show_nps")
    visit.box("h2:has-text('Thank you')").wait_for()
    visit.until(lambda: visit.outcomes(ident)[:2] == ["delivered", "clicked"])
    visit.box(".x").click()
    visit.until(lambda: visit.outcomes(ident)[2:] == ["closed"])
    assert len(visit.events("NPS Answered")) == 1 and visit.events("In-App Dismissed") == []


def test_a_score_is_given_with_the_keyboard(visit: Visit) -> None:
    visit.open().show("ces")
    visit.box("input >> nth=0").focus()
    for key in ("Space", "ArrowRight", "ArrowRight"):
        visit.page.keyboard.press(key)
    assert visit.box("legend").inner_text() == "How easy was it?"
    visit.box("text=Send").press("Enter")
    assert visit.come("CES Answered")["properties"]["score"] == 3


def test_who_chose_and_closed_has_answered_and_escape_takes_it_back(visit: Visit) -> None:
    visit.open().show("csat")
    visit.box("label:has-text('4')").click()
    visit.box(".x").click()
    assert visit.come("CSAT Answered")["properties"]["score"] == 4
    visit.box(".x").click()
    visit.show("ces")
    visit.box("legend:has-text('easy')").wait_for()
    visit.box("label:has-text('7')").click()
    visit.page.keyboard.press("Escape")
    visit.come("In-App Dismissed")
    assert visit.events("CES Answered") == []


def test_a_use_case_becomes_an_event_and_a_trait(visit: Visit, shot: Shot) -> None:
    visit.open().show("use_case")
    visit.box("text=The API").click()
    shot(visit)
    visit.box("text=Send").click()
    assert visit.come("Use Case Answered")["properties"]["use_case"] == "api"
    assert visit.come("identify")["traits"] == {"use_case": "api"}


def test_a_form_opens_when_somebody_is_about_to_leave_and_says_who_they_are(visit: Visit, shot: Shot) -> None:
    visit.open().show("signup")
    visit.page.wait_for_timeout(400)
    assert visit.box().count() == 0
    visit.call("document.dispatchEvent(new MouseEvent('mouseout', {clientY: -1, bubbles: true}))")
    visit.box("form").wait_for()
    shot(visit)
    visit.box("text=Send it to me").click()
    assert visit.box("input[type=email]").evaluate("(field) => field.matches(':invalid')")
    visit.box("input[type=email]").fill("ada@example.com")
    visit.box("select").select_option("10-99")
    visit.box("text=Write to me about products").click()
    visit.box("text=Send it to me").click()
    joined = visit.come("Newsletter Joined")["properties"]
    assert (joined["form"], joined["size"], joined["agreed"]) == ("letter", "10-99", True)
    assert "email" not in joined
    assert visit.come("identify")["traits"] == {"email": "ada@example.com"}
    known = visit.site.run(visit.site.live.ask("lookup", value="ada@example.com", kind="email"))
    assert known == visit.site.run(visit.site.live.ask("lookup", value=visit.id, kind="anonymous_id"))
