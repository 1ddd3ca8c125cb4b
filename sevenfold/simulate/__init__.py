"""Seeded worlds with a hidden truth: they make the events that demos, benchmarks and learning run on."""

from __future__ import annotations

from sevenfold.simulate.responses import Message, ResponseParameters, SimulationError
from sevenfold.simulate.saas.company import SaasCompany
from sevenfold.simulate.saas.parameters import SaasParameters
from sevenfold.simulate.segment import Disorder
from sevenfold.simulate.shop.parameters import ShopParameters
from sevenfold.simulate.shop.shop import Shop
from sevenfold.simulate.stream import Simulation
from sevenfold.simulate.write import Summary, run, world, write_catalogues, write_ndjson, write_truth

__all__ = [
    "Disorder",
    "Message",
    "ResponseParameters",
    "SaasCompany",
    "SaasParameters",
    "Shop",
    "ShopParameters",
    "Simulation",
    "SimulationError",
    "Summary",
    "run",
    "world",
    "write_catalogues",
    "write_ndjson",
    "write_truth",
]
