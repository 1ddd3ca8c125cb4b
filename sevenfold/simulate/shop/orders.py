"""An order and what follows it: shipping, delivery, trouble, returns, tickets, reviews, opinions."""

from __future__ import annotations

from typing import Any

from sevenfold.simulate.draws import Stream, clip
from sevenfold.simulate.responses import DAY_MS
from sevenfold.simulate.shop.catalogue import CATEGORIES, PER_CATEGORY, PRODUCTS
from sevenfold.simulate.shop.state import CUSTOMER, GONE, NEWCOMER, ShopWorld, create_customer, founds_rhythm

ORDER, CART, AFTER, SPEAKS, ACTS, CSAT = 24, 25, 26, 27, 28, 30
HOUR_MS = 3_600_000


def choose(world: ShopWorld, row: int, stream: Stream) -> dict[str, Any]:
    """A product, two times in three of the category the customer likes."""
    liked = int(world.customers.liking[row]) if stream.happens(0.66) else stream.below(len(CATEGORIES))
    product, category, price = PRODUCTS[
        liked * PER_CATEGORY + min(int(stream.unit() ** 1.5 * PER_CATEGORY), 9)
    ]
    return {"product_id": product, "category": category, "price": price, "quantity": 1 + stream.below(2)}


def fill_cart(world: ShopWorld, row: int, time_ms: int, *, buys: bool) -> None:
    """A cart is filled; it ends in an order, or is left."""
    c = world.customers
    stream = Stream(int(c.key[row]), world.day, ORDER if buys else CART)
    products = [choose(world, row, stream) for _ in range(1 + min(int(stream.exponential(world.p.items)), 8))]
    for product in products:
        time_ms += 15_000 + stream.below(60_000)
        world.track(row, time_ms, "Product Added", dict(product))
    time_ms += 20_000
    world.track(row, time_ms, "Cart Viewed")
    total = round(sum(product["price"] * product["quantity"] for product in products), 2)
    order = f"o-{world.names[row]}-{world.day}"
    if buys or stream.happens(0.3):
        time_ms += 30_000
        world.track(row, time_ms, "Checkout Started", {"order_id": order, "value": total})
    if buys:
        complete_order(world, row, time_ms + 90_000, order, products, total, stream)


def complete_order(
    world: ShopWorld,
    row: int,
    time_ms: int,
    order: str,
    products: list[dict[str, Any]],
    total: float,
    stream: Stream,
) -> None:
    """The order itself; the first one makes a visitor a known customer."""
    c, writer = world.customers, world.writers[row]
    if c.orders[row] == 0:
        _become_customer(world, row, time_ms - 1_000)
    elif c.orders[row] == 1:
        c.second_ms[row] = time_ms
    c.orders[row] += 1
    c.spent[row] += total
    c.last_day[row] = world.day
    properties = {
        "order_id": order, "total": total, "currency": "USD", "products": products,
        "category": products[0]["category"], "items": sum(product["quantity"] for product in products),
    }  # fmt: skip
    world.track(row, time_ms, "Order Completed", properties)
    about = {"order_id": order, "total": total}
    if stream.happens(world.p.cancelled):
        world.track(row, time_ms + 2 * HOUR_MS, "Order Cancelled", about)
        return
    shipped = time_ms + int((0.3 + stream.exponential(world.p.ship_days)) * DAY_MS)
    days = 1.0 + stream.exponential(world.p.delivery_days)
    world.track(row, shipped, "Order Shipped", {"order_id": order})
    trouble = stream.happens(world.p.trouble)
    if trouble and stream.happens(0.5):
        pen = writer.page(
            time_ms + 20 * HOUR_MS,
            "FAQ",
            "/faq",
            duration_ms=int(world.p.faq_minutes * 60_000 * stream.between(0.7, 1.6)),
        )
        world.emit(row, time_ms + 20 * HOUR_MS, pen)
    world.later(
        row, shipped + int(days * DAY_MS), lambda at: deliver(world, row, about, products, days, trouble, at)
    )


def _become_customer(world: ShopWorld, row: int, time_ms: int) -> None:
    c, writer, name = world.customers, world.writers[row], world.names[row]
    writer.user = name
    world.rows[name] = row
    c.status[row], c.first_ms[row] = CUSTOMER, time_ms + 1_000
    traits = {"email": f"{name}@{name}.example.com", "name": f"Customer {name}"}
    parent = world.parents[row]
    if parent >= 0:
        traits["referred_by"] = world.names[parent]
        world.track(parent, time_ms, "Referral Signed Up", {"referred_user_id": name})
    world.emit(row, time_ms, writer.identify(time_ms, traits))


def deliver(
    world: ShopWorld,
    row: int,
    about: dict[str, Any],
    products: list[dict[str, Any]],
    days: float,
    trouble: bool,
    time_ms: int,
) -> None:
    """The parcel arrives; being late or wrong costs satisfaction, and the first one decides whether they
    stay."""
    c, p = world.customers, world.p
    stream = Stream(int(c.key[row]), world.day, AFTER)
    late = days > p.late_days
    change = (-0.12 if late else 0.02) - (0.15 if trouble else 0.0)
    c.satisfaction[row] = clip(float(c.satisfaction[row]) + change, 0.02, 0.98)
    for cause in ("late_delivery",) * late + ("trouble_with_order",) * trouble:
        world.causes.append({"customer": row, "cause": cause, "time_ms": time_ms})
    world.track(row, time_ms, "Order Delivered", {"order_id": about["order_id"]})
    if c.orders[row] == 1:
        c.stays[row] = founds_rhythm(world, row, stream.unit())
        if not c.stays[row]:
            start_drift(world, row, time_ms, stream, "one_and_done")
    if trouble and stream.happens(0.6):
        at = time_ms + int(3 * DAY_MS * stream.between(0.6, 1.3))
        world.emit(
            row,
            at,
            world.writers[row].page(at, "Returns", "/returns", duration_ms=60_000 + stream.below(240_000)),
        )
    if stream.happens(p.return_if_trouble if trouble else p.return_else):
        at = time_ms + int(stream.between(1.0, 9.0) * DAY_MS)
        world.track(row, at, "Return Requested", {"order_id": about["order_id"]})
        world.track(row, at + int(stream.between(3.0, 8.0) * DAY_MS), "Order Refunded", about)
    if (trouble or late) and stream.happens(p.ticket_if_trouble):
        _ticket(world, row, time_ms + int(stream.between(0.1, 2.0) * DAY_MS), stream)
    _speak(world, row, products, trouble or late, time_ms, stream)


def _ticket(world: ShopWorld, row: int, time_ms: int, stream: Stream) -> None:
    ticket = f"t-{world.names[row]}-{world.day}"
    priority = ("low", "normal", "high")[stream.below(3)]
    world.track(row, time_ms, "Ticket Opened", {"ticket_id": ticket, "priority": priority})
    hours = clip(stream.lognormal(14.0, 1.0), 0.5, 400.0)
    rating = int(clip(round(4.6 - hours / 14.0 + 0.6 * stream.normal()), 1, 5))
    done = {"ticket_id": ticket, "rating": rating}

    def resolve(at: int) -> None:
        change = 0.10 if rating >= 4 else -0.08
        world.customers.satisfaction[row] = clip(
            float(world.customers.satisfaction[row]) + change, 0.02, 0.98
        )
        world.track(row, at, "Ticket Resolved", done)
        answers = Stream(int(world.customers.key[row]), world.day, CSAT)
        if answers.happens(world.p.csat_answers):
            asked = at + int(answers.between(0.2, 20.0) * HOUR_MS)
            score = int(clip(rating + (-1, 0, 0, 0, 1)[answers.below(5)], 1, 5))
            world.track(row, asked, "CSAT Answered", {"score": score, "ticket_id": ticket})

    world.later(row, time_ms + int(hours * HOUR_MS), resolve)


def _speak(
    world: ShopWorld, row: int, products: list[dict[str, Any]], upset: bool, time_ms: int, stream: Stream
) -> None:
    """NPS and reviews at the customer's own pace; the upset speak up more."""
    c, p = world.customers, world.p
    felt = float(c.satisfaction[row])
    wait = stream.between(2.0, 20.0)
    if stream.happens(p.nps_answers):
        score = int(clip(round(12.0 * felt - 0.8 + stream.normal()), 0, 10))
        comment = "lovely" if score >= 9 else "good" if score >= 7 else "not what I hoped for"
        world.track(row, time_ms + int(wait * DAY_MS), "NPS Answered", {"score": score, "comment": comment})
    if stream.happens(p.review * (1.6 if upset else 1.0)):
        rating = int(clip(round(1.5 + 4.0 * felt + 0.6 * stream.normal()), 1, 5))
        review = {"product_id": products[0]["product_id"], "rating": rating}
        world.track(row, time_ms + int((wait + 1.0) * DAY_MS), "Product Reviewed", review)


def start_drift(world: ShopWorld, row: int, time_ms: int, stream: Stream, cause: str) -> None:
    """The customer's level begins to fall."""
    c = world.customers
    if c.drift_day[row] >= 0 or c.status[row] == GONE:
        return
    c.drift_day[row], c.drift_ms[row] = world.day, time_ms
    c.drift_factor[row] = 0.5 ** (1.0 / stream.between(*world.p.drift_half_life_days))
    world.causes.append({"customer": row, "cause": cause, "time_ms": time_ms})
    world.episodes.begin("person", row, "decline", time_ms)


def recover(world: ShopWorld, row: int, time_ms: int, by: str) -> None:
    """The decline ends; the level climbs back."""
    c = world.customers
    c.drift_day[row], c.drift_factor[row], c.gone_ms[row] = -1, 1.0, -1
    c.status[row] = CUSTOMER if c.orders[row] else NEWCOMER
    world.episodes.end("person", row, "decline", time_ms, by)


def advocate(world: ShopWorld, row: int, time_ms: int) -> None:
    """An act of advocacy: a shared link that may bring a customer, a mention, a community post."""
    stream = Stream(int(world.customers.key[row]), world.day, ACTS)
    act = stream.pick((0.5, 0.3, 0.2))
    if act:
        name, properties = (("Social Mention", {"network": "instagram"}), ("Community Posted", {}))[act - 1]
        world.track(row, time_ms, name, properties)
        return
    world.track(row, time_ms, "Referral Link Shared")
    if stream.happens(world.p.referral_buys):
        world.customers.referrals[row] += 1
        born = time_ms + int(stream.between(0.2, 8.0) * DAY_MS)
        name = f"{world.names[row]}r{world.customers.referrals[row]}"
        child = create_customer(world, name, born, parent=row)
        click = world.writers[child].track(
            born, "Referral Link Clicked", {"referrer_user_id": world.names[row]}
        )
        world.emit(child, born, click)
