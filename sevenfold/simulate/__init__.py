"""Seeded worlds with a hidden truth: they make the events that demos, benchmarks and learning run on."""

from __future__ import annotations

from sevenfold.simulate.responses import Message, ResponseParameters, SimulationError
from sevenfold.simulate.saas.company import SaasCompany
from sevenfold.simulate.saas.parameters import SaasParameters
from sevenfold.simulate.segment import Disorder

__all__ = ["Disorder", "Message", "ResponseParameters", "SaasCompany", "SaasParameters", "SimulationError"]
