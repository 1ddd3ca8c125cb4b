"""What the shop sells."""

from __future__ import annotations

from typing import Any

CATEGORIES = ("coffee", "tea", "kitchen", "candles", "textiles", "stationery")
PER_CATEGORY = 10
PRODUCTS = tuple(
    (f"p-{category}-{number:02d}", category, 6.0 + ((number * 7 + place * 5) % 13) * 3.5)
    for place, category in enumerate(CATEGORIES)
    for number in range(1, PER_CATEGORY + 1)
)
"""Product id, category, price in US dollars."""


def products_table() -> list[dict[str, Any]]:
    """products.csv: each with the next two of its category as related products."""
    rows = []
    for position, (product, category, price) in enumerate(PRODUCTS):
        first = position // PER_CATEGORY * PER_CATEGORY
        related = [PRODUCTS[first + (position - first + step) % PER_CATEGORY][0] for step in (1, 2)]
        rows.append(
            {"product_id": product, "category": category, "price": price, "related": ",".join(related)}
        )
    return rows
