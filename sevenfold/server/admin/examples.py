"""Examples of request bodies, by operation; a test checks that each is what the route takes."""

from __future__ import annotations

from typing import Any, Final

_PLAN: Final = {
    "title": "Welcome",
    "triggers": [{"kind": "event", "event": "Signed Up"}],
    "steps": {
        "pause": {"kind": "wait", "for": "1d"},
        "hello": {"kind": "message", "template": "hello"},
    },
}
BODIES: Final[dict[str, Any]] = {
    "set_consent": {"status": "out", "channel": "email", "category": "news", "source": "phone call"},
    "merge_people": {"members": [{"user_id": "u1"}, {"email": "ada@example.com"}]},
    "change_list": {"action": "append", "members": [{"user_id": "u1"}, {"email": "ada@example.com"}]},
    "import_list": {"csv": "user_id,email\nu1,\n,ada@example.com\n", "dry_run": True},
    "check_journey": {"plan": _PLAN},
    "preview_journey": {"plan": _PLAN},
    "put_draft": {"plan": _PLAN, "revision": None},
    "publish_journey": {"plan": _PLAN, "choices": {"pause": "migrate_keep"}, "enter": "future"},
    "roll_back_journey": {"version": 1, "choices": {"pause": "finish"}},
    "pause_journey": {"clock": "freeze", "entries": "queue"},
    "resume_journey": {"spread": "2h"},
    "start_run": {"person": {"email": "ada@example.com"}, "properties": {"plan": "pro"}},
    "resolve_message": {"outcome": "delivered", "note": "seen in the provider's log"},
    "change_broadcast": {"action": "acknowledge", "size": 12_000},
    "switch_channel": {"on": False},
    "open_task": {"kind": "call", "person": {"user_id": "u1"}, "reason": "asked for a call"},
    "change_task": {"action": "close", "outcome": "saved", "by": "mona@example.com", "note": "will stay"},
    "set_absence": {"from": "2026-12-24", "to": "2027-01-02"},
    "add_suppression": {"address": "ada@example.com", "channel": "email"},
    "remove_suppression": {"address": "ada@example.com"},
    "import_suppressions": {"addresses": ["ada@example.com", "bob@example.com"], "source": "former provider"},
    "check_workspace": {"files": {"workspace.yaml": "name: acme\n"}},
    "diff_workspace": {"files": {"workspace.yaml": "name: acme\n"}},
    "apply_workspace": {
        "files": {"workspace.yaml": "name: acme\n"},
        "expected": "0123456789abcdef",
        "choices": {"welcome": {"pause": "migrate_keep"}},
    },
    "ask": {"steps": ["Signed Up", "Project Created"], "within": "14d"},
    "ask_sql": {"sql": "SELECT name, COUNT(*) AS events FROM events GROUP BY name", "rows": 100},
    "keep_question": {"analysis": "retention", "start": "Signed Up", "unit": "week"},
    "keep_digest": {
        "questions": ["weekly"],
        "schedule": "weekly monday 09:00",
        "channel": "mail",
        "to": ["growth@example.com"],
    },
    "set_autonomy": {"level": "act", "moved_per_day": 10},
    "answer_suggestion": {"answer": "accept"},
    "change_option": {"step": "pick", "option": "discount", "halt": True},
    "give_policy": {"policy": "nurture/next", "model": {"version": "0123456789abcdef"}},
    "answer_next_best_action": {"answer": "refuse", "reason": "they are on holiday"},
    "make_write_key": {"source": "website", "name": "the site"},
    "make_api_key": {"name": "our back office", "scope": "write"},
    "rotate_key": {"overlap_ms": 86_400_000},
    "log_in": {"email": "mona@example.com", "password": "correct horse battery staple"},
    "set_up": {
        "token": "setup_dGhlIHRva2VuIG9mIHRoZSBmaXJzdA",
        "email": "mona@example.com",
        "name": "Mona",
        "password": "correct horse battery staple",
    },
    "add_member": {"email": "otto@example.com", "name": "Otto", "role": "editor"},
    "change_member": {"role": "publisher"},
    "change_password": {"password": "correct horse battery staple", "new": "four other words here"},
    "replay_dead_letters": {"ids": [17, 18]},
    "send_message": {
        "template": "receipt",
        "person": {"email": "ada@example.com"},
        "key": "order-1042",
        "data": {"order_id": "1042", "total": 59.9},
        "ttl": "2h",
    },
}
ERRORS: Final[dict[str, Any]] = {
    "400": {"success": False, "code": "invalid", "message": "Expected `int` >= 1", "where": "limit"},
    "401": {
        "success": False,
        "code": "unauthorized",
        "message": "this needs an API key, or somebody who is logged in",
        "fix": "send it as `Authorization: Bearer sk_...`; see `sevenfold keys`",
    },
    "403": {
        "success": False,
        "code": "forbidden",
        "message": "this needs a key with the scope `admin`, yours has `read`",
        "fix": "use another key",
    },
    "404": {
        "success": False,
        "code": "not_found",
        "message": "no person has that identifier",
        "where": "value",
    },
    "409": {
        "success": False,
        "code": "bad_control",
        "message": "journey `welcome` is paused already",
        "fix": "resume it first",
    },
    "413": {"success": False, "code": "too_large", "message": "request entity too large"},
    "422": {
        "success": False,
        "code": "workspace_invalid",
        "message": "the workspace has 1 error",
        "problems": [
            {
                "code": "unknown_name",
                "severity": "error",
                "message": "there is no template `helo`",
                "field": "journeys.welcome.steps.hello.template",
                "suggestion": "did you mean `hello`?",
            }
        ],
    },
    "429": {
        "success": False,
        "code": "rate_limited",
        "message": "too many requests with this key",
        "fix": "try again in 0.4 s",
    },
    "503": {
        "success": False,
        "code": "unavailable",
        "message": "the fold is starting again",
        "fix": "try again in a moment",
    },
}
