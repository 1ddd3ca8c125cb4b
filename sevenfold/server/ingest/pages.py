"""What clients ask for before they send: settings of Segment's, RudderStack's and PostHog's browser clients.

The shapes are those with which their unmodified clients start; everything they could load beside is left out.
"""

from __future__ import annotations

from typing import Any


def segment_settings(key: str, host: str, scheme: str) -> dict[str, Any]:
    """What analytics.js, Kotlin and Swift clients ask for at `/v1/projects/{key}/settings`.

    Source: Segment's CDN settings as analytics-next 1.84 reads them. Batches save a question before each
    event; clients send them over https only.
    """
    segment: dict[str, Any] = {
        "apiKey": key,
        "apiHost": f"{host}/v1",
        "protocol": scheme,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
        "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
    }
    if scheme == "https":
        segment["deliveryStrategy"] = {"strategy": "batching", "config": {"size": 10, "timeout": 2_000}}
    enabled = {"__default": {"enabled": True, "integrations": {}}}
    return {
        "integrations": {"Segment.io": segment},
        "plan": {"track": enabled, "identify": enabled, "group": enabled},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # Clients tell about themselves only when asked to.
        "metrics": {"sampleRate": 0, "host": f"{host}/v1", "protocol": scheme},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }


def rudder_config(key: str, source: str) -> dict[str, Any]:
    """What RudderStack's clients ask for at `/sourceConfig`. Source: analytics-js 3.34."""
    quiet = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return {
        "source": {
            "id": source,
            "name": source,
            "writeKey": key,
            "enabled": True,
            "workspaceId": "sevenfold",
            "connections": [],
            "destinations": [],
            "dataplanes": {},
            "config": {"statsCollection": quiet},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }


def posthog_config() -> dict[str, Any]:
    """What PostHog's browser client asks for at `/array/{key}/config`: nothing but capture is there."""
    return {
        "supportedCompression": ["gzip-js"],
        "hasFeatureFlags": False,
        "captureDeadClicks": False,
        "capturePerformance": False,
        "autocapture_opt_out": True,
        "autocaptureExceptions": False,
        "surveys": False,
        "heatmaps": False,
        "sessionRecording": False,
        "siteApps": [],
        "toolbarParams": {},
        "isAuthenticated": False,
        "defaultIdentifiedOnly": True,
    }
