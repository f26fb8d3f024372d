"""A key in, its owner out: stands in for LiteLLM's own virtual keys, which need LiteLLM's database.

Copied beside the proxy's config, where LiteLLM looks for it; nothing of this repository can be imported there.
"""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException, Request
from litellm.proxy._types import UserAPIKeyAuth

OPEN_TO_ALL = "/pass/open/"
OWNERS: dict[str, dict[str, Any]] = {
    "sk-search-team": {
        "key_alias": "search-prod",
        "user_id": "ada",
        "team_id": "team-search",
        "team_alias": "Search",
        "org_id": "org-acme",
        "metadata": {"tags": ["env:prod", "key-tag"]},
    },
    "sk-chat-team": {
        "key_alias": "chat-dev",
        "user_id": "grace",
        "team_id": "team-chat",
        "team_alias": "Chat",
        "org_id": "org-acme",
    },
    "sk-trace-team": {"key_alias": "trace", "user_id": "azure", "team_id": "team-trace", "team_alias": "Trace"},
    "sk-half-of-a-body": {"key_alias": "half-of-a-body"},
    "sk-one-in-parallel": {"key_alias": "one-in-parallel", "user_id": "dennis", "max_parallel_requests": 1},
    "sk-one-at-a-time": {"key_alias": "limited", "user_id": "linus", "rpm_limit": 1},
}


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Know a key, or refuse the request."""
    owner = OWNERS.get(api_key)
    if owner is None and request.url.path.startswith(OPEN_TO_ALL):
        return UserAPIKeyAuth()
    if owner is None:
        raise HTTPException(status_code=401, detail="this key is not known here")
    return UserAPIKeyAuth(api_key=api_key, **owner)
