"""Journeys of a replay in the terminal: how far people came, what was said to them, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sevenfold.playback.summary import JourneySummary, MessageSummary, StepSummary
from sevenfold.report import words
from sevenfold.report.decisions import reason, spoken

_BAR_CHARS = 16
_REASONS_SHOWN = 3


def print_journeys(console: Console, journeys: list[JourneySummary]) -> None:
    """Every journey that somebody entered or was refused, and the names of the others in a line."""
    quiet = []
    if sum(bool(one.entries) for one in journeys) > 1:
        console.print(overview(journeys))
    for one in journeys:
        if one.entries or one.refused:
            console.print(journey(one))
        else:
            quiet.append(words.label(one.name))
    if quiet:
        console.print(Text(f"\nNobody came to {', '.join(quiet)}.", style="dim"))


def overview(journeys: list[JourneySummary]) -> Group:
    """A line for each journey that somebody entered."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for name in ("journey", "runs", "ghosts", "messages", "held", "goals", "value", "ended", "inside"):
        table.add_column(name, justify="left" if name == "journey" else "right")
    for one in journeys:
        if one.entries:
            value = sum(goal.value for goal in one.goals)
            table.add_row(
                one.title or words.title(one.name), f"{one.entries:,}", f"{one.ghosts:,}", f"{one.sent:,}",
                f"{one.held:,}", f"{sum(goal.reached for goal in one.goals):,}",
                f"{value:,.0f}" if value else "–", f"{sum(one.ended.values()):,}", f"{one.active:,}",
            )  # fmt: skip
    return Group(Text("\nJourneys", style="bold"), table)


def journey(one: JourneySummary) -> Group:
    """One journey: who entered, the funnel, messages, goals, how runs ended, who was refused."""
    parts: list[Text | Table] = [Text(f"\n{headline(one)}", style="bold")]
    parts.append(Text(told(one), style="dim"))
    if one.entries:
        parts.append(funnel(one))
    if one.messages:
        parts += [Text(""), messages(one.messages)]
    parts += [Text(line) for line in totals(one)]
    return Group(*parts)


def headline(one: JourneySummary) -> str:
    """`Offer nudge: 5,015 runs of 4,990 applications`."""
    runs = words.number(one.entries, "run")
    return f"{one.title or words.title(one.name)}: {runs} of {words.counted(one.people, one.of)}"


def told(one: JourneySummary) -> str:
    """What set the runs off, how many walk as ghosts, how long they take."""
    parts = []
    if one.triggers:
        parts.append("set off by " + shares(one.triggers, one.entries))
    if one.ghosts:
        parts.append(f"{one.ghosts:,} held out as ghosts ({words.share(one.ghosts, one.entries)})")
    if one.median_ms is not None and one.median_ms < 1_000:
        parts.append("half of them end at once")
    elif one.median_ms is not None:
        parts.append(f"half of them last no longer than {spoken(one.median_ms)}")
    return "; ".join(parts) or "nobody entered"


def shares(counts: Mapping[str, int], whole: int, shown: int = _REASONS_SHOWN) -> str:
    """`came back 61 %, declined 20 % and 2 more`."""
    items = list(counts.items())
    parts = [f"{words.label(name)} {words.share(count, whole)}" for name, count in items[:shown]]
    if len(items) > shown:
        parts.append(f"{len(items) - shown} more")
    return ", ".join(parts)


def numbers(counts: Mapping[str, int], shown: int = 6) -> str:
    """`no consent 312, the frequency cap is full 20`."""
    items = list(counts.items())
    parts = [f"{reason(name)} {count:,}" for name, count in items[:shown]]
    return ", ".join([*parts, *([f"{len(items) - shown} more"] if len(items) > shown else [])])


def funnel(one: JourneySummary) -> Table:
    """A line for each step: who reached it, how they left it, who ended or still is here."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for name in ("step", "reached", "share", "", "median time", "went on", "ended here", "here now"):
        right = name in ("reached", "share", "median time", "here now")
        whole = name not in ("went on", "ended here")
        table.add_column(name, justify="right" if right else "left", no_wrap=whole)
    for step in one.steps:
        part = step.reached / one.entries if one.entries else 0
        bar = Text("█" * round(part * _BAR_CHARS) or ("▏" if step.reached else ""), style="blue")
        table.add_row(
            step_name(step), f"{step.reached:,}", words.share(step.reached, one.entries), bar,
            spoken(step.median_ms) if step.median_ms else "at once" if step.median_ms == 0 else "–",
            _went_on(step), numbers(step.exits, 3) or "–", f"{step.still:,}" if step.still else "–",
        )  # fmt: skip
    return table


def step_name(step: StepSummary) -> str:
    """A step's title or id, and its kind where the name does not say it."""
    name = step.title or words.label(step.id)
    return name if not step.kind or step.kind in name else f"{name} ({words.label(step.kind)})"


def _went_on(step: StepSummary) -> str:
    whole = sum(step.outcomes.values())
    if len(step.outcomes) == 1 and step.kind in ("wait", "goal", "update_trait", "start_journey"):
        return f"{whole:,}"
    return ", ".join(f"{reason(name)} {count:,}" for name, count in list(step.outcomes.items())[:4])


def messages(found: list[MessageSummary]) -> Table:
    """A line for each template: decided, what became of them, held and why."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    columns = "message channel decided delivered failed ghosts' held put_off held_because"
    for name in map(words.label, columns.split()):
        left = name in ("message", "channel", "held because")
        table.add_column(name, justify="left" if left else "right", no_wrap=name == "message")
    for one in found:
        table.add_row(
            words.label(one.template), one.channel, f"{one.decided:,}", f"{reached(one):,}",
            f"{failed(one):,}", f"{one.would_send:,}", f"{sum(one.held.values()):,}",
            f"{sum(one.deferred.values()):,}", numbers(one.held, 3) or "–",
        )  # fmt: skip
    return table


def reached(one: MessageSummary) -> int:
    """Messages that arrived, as far as is known: delivered, or sent where nobody reports deliveries."""
    return one.outcomes.get("delivered") or one.outcomes.get("sent", 0)


def failed(one: MessageSummary) -> int:
    """Messages that did not arrive."""
    return sum(one.outcomes.get(name, 0) for name in ("failed", "bounced", "render_error", "expired"))


def totals(one: JourneySummary) -> Iterator[str]:
    """Goals, endings, refusals and tasks, a line each."""
    for goal in one.goals:
        value = f", worth {goal.value:,.0f}" if goal.value else ""
        ghosts = f", {goal.ghosts:,} of them ghosts" if goal.ghosts else ""
        after = f", half of them within {spoken(goal.median_ms)}" if goal.median_ms is not None else ""
        runs, share = words.number(goal.reached, "run"), words.share(goal.reached, one.entries)
        yield f"Goal {words.label(goal.name)}: {runs} ({share}){value}{after}{ghosts}"
    if one.ended or one.active:
        ended = [f"{words.label(name)} {count:,}" for name, count in one.ended.items()]
        yield "Ended: " + ", ".join([*ended, *([f"still inside {one.active:,}"] if one.active else [])])
    if one.refused:
        yield f"Did not enter: {numbers(one.refused)}"
    for kind, counts in one.tasks.items():
        yield f"Task {words.label(kind)}: " + ", ".join(f"{words.label(k)} {v:,}" for k, v in counts.items())


__all__ = [
    "failed", "funnel", "headline", "journey", "messages", "numbers", "print_journeys", "reached", "shares",
    "step_name", "told", "totals",
]  # fmt: skip
