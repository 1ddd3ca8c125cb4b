"""What the audit says about messages: consent, caps, quiet hours, guards, what templates show."""

from __future__ import annotations

import pytest

from sevenfold.journeys.limits_text import LimitTextError, limit_of
from sevenfold.workspace.checking import check
from tests.unit.journeys.audits import JOURNEY, found, model, only, steps

HOUR, DAY = 3_600_000, 86_400_000


# --------------------------------------------------------------------------------------------- the policy


def test_a_policy_that_is_fine() -> None:
    policy = """
    messaging:
      caps:
        week: {limit: 3, per: 7d, over: defer, limits: {active: 5, friends: 0}}
        day: {limit: 1, calendar: day, zone: Europe/Berlin, channel: email, stage: {main: trial}}
      quiet_hours: [{windows: [{from: '22:00', to: '08:00'}], channels: [mail, sms], jitter: 30m}]
      topics: {welcome: {once_per: 30d}}
      guards: {asks: {when: segment.active, categories: [news], journeys: [first]}}
      holdout: {share: 5}
      programmes: {growth: {share: 10.5, unit: account}}
      minimum_gap: 1h
      concurrent_journeys: 3
      zone_traits: {person: plan}
    """
    assert found(JOURNEY, policy) == []


@pytest.mark.parametrize(
    ("policy", "code", "field", "said"),
    [
        ("caps: {a: {limit: 0, per: 7d}}", "never_sent", "caps.a.limit", "lets nothing through"),
        ("caps: {a: {limit: -1, per: 7d}}", "wrong_value", "caps.a.limit", "from 1"),
        ("caps: {a: {limit: 9, per: week}}", "bad_duration", "caps.a.per", "not a duration"),
        ("caps: {a: {limit: 9, per: 7d, zone: UTC}}", "wrong_value", "caps.a.zone", "every zone"),
        ("caps: {a: {limit: 9, calendar: day, zone: Berln}}", "bad_time", "caps.a.zone", "no time zone"),
        ("caps: {a: {limit: 9, per: 7d, channel: emial}}", "unknown_name", "caps.a.channel", "`email`?"),
        ("caps: {a: {limit: 9, per: 7d, category: nws}}", "unknown_name", "caps.a.category", "`news`?"),
        ("caps: {a: {limit: 9, per: 7d, journey: frst}}", "unknown_name", "caps.a.journey", "`first`?"),
        (
            "caps: {a: {limit: 9, per: 7d, stage: {main: trail}}}",
            "unknown_name",
            "caps.a.stage.main",
            "trial",
        ),
        ("caps: {a: {limit: 9, per: 7d, limits: {big: 1}}}", "wrong_subject", "caps.a.limits.big", "person"),
        ("caps: {a: {limit: 9, per: 7d, limits: {active: -1}}}", "wrong_value", "caps.a.limits", "from 0"),
        ("quiet_hours: [{windows: []}]", "wrong_value", "quiet_hours[0].windows", "without hours"),
        ("quiet_hours: [{windows: [{}]}]", "never_sent", "quiet_hours[0].windows", "whole week"),
        (
            "quiet_hours: [{windows: [{from: '20:00', to: '08:00'}, {from: '08:00', to: '20:00'}]}]",
            "never_sent",
            "quiet_hours[0].windows",
            "whole week",
        ),
        (
            "quiet_hours: [{windows: [{from: '1:00', to: '2:00'}], channels: [emal]}]",
            "unknown_name",
            "quiet_hours[0].channels[0]",
            "`email`?",
        ),
        ("topics: {a: {once_per: often}}", "bad_duration", "topics.a.once_per", "not a duration"),
        ("guards: {a: {when: segment.activ}}", "unknown_name", "guards.a.when", "`active`?"),
        (
            "guards: {a: {when: logins > 2, journeys: [frst]}}",
            "unknown_name",
            "guards.a.journeys",
            "`first`?",
        ),
        ("holdout: {share: 101}", "wrong_value", "holdout.share", "from 0 to 100"),
        ("programmes: {a: {share: 0.001}}", "wrong_value", "programmes.a.share", "0.01"),
        ("minimum_gap: 1 hour", "bad_duration", "minimum_gap", "not a duration"),
        ("concurrent_journeys: 0", "wrong_value", "concurrent_journeys", "from 1 to 1000"),
        ("zone_traits: {person: tz}", "unknown_name", "zone_traits.person", "unknown trait"),
        ("zone_traits: {person: seats}", "type_mismatch", "zone_traits.person", "zones are texts"),
    ],
)
def test_policies_that_are_refused(policy: str, code: str, field: str, said: str) -> None:
    problem = only(JOURNEY, f"messaging: {{{policy}}}")
    assert problem[0] == code and said in problem[2], problem
    assert problem[1].startswith(f"messaging.{field}")


@pytest.mark.parametrize(
    ("sections", "code", "field"),
    [
        ("channels: {fax: {type: fax}}", "unknown_name", "channels.fax.type"),
        ("channels: {push: {type: app_push, address: trait.token}}", "unknown_name", "channels.push.address"),
        ("channels: {push: {type: app_push, address: tokn}}", "unknown_name", "channels.push.address"),
        ("channels: {push: {type: sms, reachable: logns > 2}}", "unknown_name", "channels.push.reachable"),
        ("consent: {categories: {service: {required: true}, news: {channels: {emal: opt_in}}}}",
         "unknown_name", "consent.categories.news.channels.emal"),
        ("consent: {categories: {service: {required: true}, news: {}}, events: [{event: A, status: in, "
         "category: nws}]}", "unknown_name", "consent.events[0].category"),
    ],
)  # fmt: skip
def test_channels_and_consent_that_are_refused(sections: str, code: str, field: str) -> None:
    assert only(JOURNEY, sections)[:2] == (code, field)


def test_names_that_nothing_has_are_doubted() -> None:
    policy = """
    messaging:
      conflicts: [{between: [save, upsel]}]
      caps: {a: {limit: 9, per: 7d, tag: asks}}
    """
    text = JOURNEY + "intent: upsell\n"
    unused = [(p.field, p.suggestion) for p in check(model(text, policy)) if p.code == "unused"]
    said = {field: fix for field, fix in unused if field.startswith("messaging")}
    assert set(said) == {
        "messaging.caps.a.tag",
        "messaging.conflicts[0].between[0]",
        "messaging.conflicts[0].between[1]",
    }
    assert said["messaging.conflicts[0].between[1]"] == "did you mean `upsell`?"


# --------------------------------------------------------------------------------------------- consent


def test_a_message_without_a_category_is_never_sent_where_categories_exist() -> None:
    template = "templates: {bare: {channel: sms, body: Hi}}\nchannels: {texts: {type: sms}}"
    text = steps("a: {kind: message, template: bare}")
    assert only(text, template)[:2] == ("never_sent", "journeys.first.steps.a")
    assert found(text + "category: news\n", template) == []


def test_a_transactional_template_belongs_to_a_category_nobody_can_refuse() -> None:
    template = "templates: {paid: {channel: sms, category: news, transactional: true, body: Hi}}"
    problem = only(JOURNEY, template + "\nchannels: {texts: {type: sms}}", "warning")
    assert problem[:2] == ("wrong_value", "templates.paid.category")


def test_a_template_of_a_channel_that_is_not_set_up_is_doubted() -> None:
    problem = only(JOURNEY, "templates: {t: {channel: sms, category: news, body: Hi}}", "warning")
    assert problem[:2] == ("never_sent", "templates.t.channel")


def test_topics_are_declared_where_any_is() -> None:
    text = JOURNEY + "topic: welcom\n"
    assert found(text) == []
    assert only(text, "messaging: {topics: {welcome: {}}}")[:2] == ("unknown_name", "journeys.first.topic")


# -------------------------------------------------------------------------------------- time to live

NIGHT = "messaging: {quiet_hours: [{windows: [{from: '20:00', to: '09:00'}]}]}"


def test_a_time_to_live_that_ends_within_quiet_hours_is_doubted() -> None:
    problem = only(JOURNEY, NIGHT, "warning")
    assert problem[:2] == ("never_sent", "journeys.first.steps.more.ttl")
    assert "time to live of 12h" in problem[2] and "quiet hours of 13h" in problem[2]


def test_quiet_hours_that_discard_have_no_quarrel_with_a_short_life() -> None:
    assert found(JOURNEY, NIGHT.replace("}]}]", "}], otherwise: discard}]")) == []
    assert found(JOURNEY.replace("ttl: 12h", "ttl: 12h, quiet_hours: discard"), NIGHT) == []
    assert found(JOURNEY, NIGHT.replace("}]}]", "}], channels: [sms]}]")) == []


def test_quiet_hours_that_meet_count_together() -> None:
    windows = "[{days: [sat], from: '09:00', to: '24:00'}, {days: [sun]}]"
    weekend = f"messaging: {{quiet_hours: [{{windows: {windows}}}]}}"
    text = JOURNEY.replace("ttl: 12h", "ttl: 39h") + "ttl: 40h\n"
    assert "quiet hours of 39h" in only(text, weekend, "warning")[2]


def test_a_gap_longer_than_the_time_to_live_is_doubted() -> None:
    problem = only(JOURNEY, "messaging: {minimum_gap: 20h}", "warning")
    assert problem[:2] == ("never_sent", "journeys.first.steps.more.ttl") and "minimum_gap" in problem[2]


# ------------------------------------------------------------------------------------------------- caps

CAP = "messaging: {caps: {week: {limit: 1, per: 7d}}}"


def test_a_journey_that_exceeds_a_cap_by_itself_is_doubted_with_its_steps() -> None:
    problem = only(JOURNEY, CAP, "warning")
    assert problem[:2] == ("capped", "journeys.first.steps.hello")
    assert "2 messages within 3d (`hello` → `more`), and cap `week` allows 1 in 7d" in problem[2]


@pytest.mark.parametrize(
    "cap",
    [
        "{limit: 2, per: 7d}",
        "{limit: 1, per: 3d}",
        "{limit: 1, per: 7d, channel: sms}",
        "{limit: 1, per: 7d, category: service}",
        "{limit: 1, per: 7d, stage: {main: trial}}",
        "{limit: 1, calendar: week}",
    ],
)
def test_a_cap_that_the_journey_keeps_is_fine(cap: str) -> None:
    assert found(JOURNEY, f"messaging: {{caps: {{week: {cap}}}}}") == []


def test_the_way_of_a_timeout_takes_its_time_and_that_of_an_event_none() -> None:
    wait = "b: {kind: wait, paths: [{event: A, go: WAY}], timeout: 8d}"
    text = f"a: {{kind: message, template: welcome}}\n{wait}\nc: {{kind: message, template: welcome}}"
    assert found(steps(text.replace("WAY", "exit")), CAP) == []
    assert only(steps(text.replace("WAY", "c")), CAP, "warning")[0] == "capped"


def test_messages_on_different_ways_do_not_add_up() -> None:
    text = """
    a: {kind: branch, paths: [{when: logins > 1, go: b}], else: c}
    b: {kind: message, template: welcome, next: exit}
    c: {kind: message, template: welcome}
    """
    assert found(steps(text), CAP) == []


def test_a_loop_of_messages_adds_up() -> None:
    text = "a: {kind: message, template: welcome}\nb: {kind: wait, for: 1d, next: a}"
    problem = only(steps(text), "messaging: {caps: {week: {limit: 4, per: 7d}}}", "warning")
    assert "5 messages within 4d" in problem[2]


def test_transactional_messages_are_not_counted() -> None:
    text = "a: {kind: message, template: receipt}\nb: {kind: message, template: receipt}"
    assert found(steps(text), CAP) == []


# ------------------------------------------------------------------------------------- outcomes in signals


@pytest.mark.parametrize(
    "event", ["$message sent", "$message clicked welcome", "$message clicked *", "$message op*", "$message*"]
)
def test_signals_count_what_became_of_messages(event: str) -> None:
    assert found(JOURNEY, f"signals: {{told: {{kind: count, event: '{event}'}}}}") == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("$message", "unknown outcome"),
        ("$message snt", "did you mean `sent`?"),
        ("$message sent welcom", "did you mean `welcome`?"),
        ("$messages", "unknown derived event"),
    ],
)
def test_outcomes_that_do_not_exist_are_refused_in_signals(event: str, said: str) -> None:
    problem = only(JOURNEY, f"signals: {{told: {{kind: count, event: '{event}'}}}}")
    assert problem[:2] == ("unknown_name", "signals.told.event") and said in problem[2]


def test_what_becomes_of_messages_is_told_of_people() -> None:
    signal = "signals: {told: {kind: count, of: order, event: $message sent}}"
    assert only(JOURNEY, signal)[0] == "wrong_subject"


# --------------------------------------------------------------------------------------------- templates


def test_a_template_gets_the_event_it_shows() -> None:
    text = steps("a: {kind: message, template: order}")
    assert found(text) == []
    segment = text.replace("kind: event, event: Signed Up", "kind: segment, segment: active")
    problem = only(segment)
    assert problem[:2] == ("unknown_name", "journeys.first.steps.a.template")
    assert "`order` shows `event.total`" in problem[2]
    both = text.replace("[{kind: event", "[{kind: segment, segment: active}, {kind: event")
    assert only(both, severity="warning")[0] == "never_known"


def test_a_default_makes_a_missing_value_fine() -> None:
    text = steps("a: {kind: message, template: o}").replace(
        "kind: event, event: Signed Up", "kind: segment, segment: active"
    )
    body = "{{ event.total | default: 'some' }}"
    assert found(text, f'templates: {{o: {{channel: in_app, category: news, title: "{body}"}}}}')[0].code == (
        "missing_field"
    )
    fine = text.replace("template: o", "template: o, expires: 3d")
    assert found(fine, f'templates: {{o: {{channel: in_app, category: news, title: "{body}"}}}}') == []


@pytest.mark.parametrize(
    ("body", "step"),
    [
        ("{{ step.headline }}", "data: {headline: Hello}"),
        ("{{ headline }}", "data: {headline: Hello}"),
        ("{{ offer.code }}", "offer: codes"),
    ],
)
def test_a_template_gets_the_data_and_codes_it_shows(body: str, step: str) -> None:
    inside = f'channel: in_app, category: news, title: "{body}", variables: {{headline: {{}}}}'
    template = f"templates: {{o: {{{inside}}}}}"
    text = steps("a: {kind: message, template: o, expires: 3d}")
    assert only(text, template)[:2] == ("unknown_name", "journeys.first.steps.a.template")
    assert found(text.replace("expires: 3d", f"expires: 3d, {step}"), template) == []


# ----------------------------------------------------------------------------------------------- broadcasts


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{segment: active, template: welcome}", "", ""),
        ("{audience: logins > 2, variants: {welcome: 50, receipt: 50}, test_share: 20, at: 2026-03-01T09:00, "
         "local: true, pace: 1000/1h, resend: welcome}", "", ""),
        ("{template: welcome}", "missing_field", ""),
        ("{segment: active, audience: logins > 2, template: welcome}", "wrong_value", ""),
        ("{segment: activ, template: welcome}", "unknown_name", "segment"),
        ("{segment: big, template: welcome}", "wrong_subject", "segment"),
        ("{segment: active}", "missing_field", ""),
        ("{segment: active, template: welcom}", "unknown_name", "template"),
        ("{segment: active, variants: {welcome: 50, receipt: 40}}", "wrong_value", "variants"),
        ("{segment: active, template: welcome, test_share: 0}", "wrong_value", "test_share"),
        ("{segment: active, template: welcome, at: tomorrow}", "bad_time", "at"),
        ("{segment: active, template: welcome, local: true}", "wrong_value", "local"),
        ("{segment: active, template: welcome, at: '2026-03-01T09:00Z', local: true}", "bad_time", "at"),
        ("{segment: active, template: welcome, pace: 1000 an hour}", "wrong_value", "pace"),
        ("{segment: active, template: welcome, resend: welcom}", "unknown_name", "resend"),
        ("{segment: active, template: order}", "unknown_name", "template"),
        ("{segment: active, template: welcome, holdout: 200}", "wrong_value", "holdout"),
        ("{segment: active, template: welcome, priority: 101}", "wrong_value", "priority"),
        ("{segment: active, template: welcome, acknowledged: -1}", "wrong_value", "acknowledged"),
    ],
)  # fmt: skip
def test_broadcasts(text: str, code: str, field: str) -> None:
    extra = f"broadcasts: {{march: {text}}}"
    if not code:
        assert found(JOURNEY, extra) == []
    else:
        assert only(JOURNEY, extra)[:2] == (code, "broadcasts.march" + (f".{field}" if field else ""))


# ----------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("3 per 30d", (3, 30 * DAY)),
        ("500 per 1h", (500, HOUR)),
        ("1000/1h", (1000, HOUR)),
        (" 1 per 1w ", (1, 7 * DAY)),
    ],
)
def test_limits_are_read(text: str, limit: tuple[int, int]) -> None:
    assert limit_of(text) == limit


@pytest.mark.parametrize(
    "text", ["", "3", "per 30d", "3 per", "3 per 30", "three per 30d", "-3 per 30d", "0 per 1d", "3 per 0s",
             "3 per 9999d", "9999999999 per 1d", "3 in 30d", "٣ per 30d"],
)  # fmt: skip
def test_other_texts_are_no_limits(text: str) -> None:
    with pytest.raises(LimitTextError) as refused:
        limit_of(text)
    assert refused.value.fix
