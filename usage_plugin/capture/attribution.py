"""LiteLLM's metadata in, who made the call out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usage_plugin.capture.values import mapping, text
from usage_plugin.event import Attribution
from usage_plugin.settings import Settings

MAX_TAGS = 32
# LiteLLM adds the client's user agent as two tags unless it is told not to.
INJECTED_TAG = "User-Agent: "


def read_attribution(payload: Mapping[str, Any], metadata: Mapping[str, Any], settings: Settings) -> Attribution:
    """Say who made a call.

    Args:
        payload: LiteLLM's ``standard_logging_object``; may be empty.
        metadata: The request's own metadata, which failures without a payload still have.
        settings: For the prefixes of feature and environment tags.
    """
    own = mapping(payload.get("metadata"))

    def field(name: str) -> str | None:
        return text(own.get(name)) or text(metadata.get(name))

    tags = _tags(payload, metadata)
    extra = mapping(own.get("spend_logs_metadata")) or mapping(metadata.get("spend_logs_metadata"))
    client_ip = text(payload.get("requester_ip_address")) or field("requester_ip_address")
    return Attribution(
        organization_id=field("user_api_key_org_id"),
        team_id=field("user_api_key_team_id"),
        team_alias=field("user_api_key_team_alias"),
        user_id=field("user_api_key_user_id"),
        api_key_hash=field("user_api_key_hash"),
        api_key_alias=field("user_api_key_alias"),
        project_id=field("user_api_key_project_id"),
        end_user_id=text(payload.get("end_user")) or field("user_api_key_end_user_id"),
        feature=_tagged(tags, settings.feature_tag_prefix) or text(extra.get("feature")),
        environment=_tagged(tags, settings.environment_tag_prefix)
        or text(extra.get("environment"))
        or text(settings.environment),
        user_agent=text(payload.get("user_agent")) or field("user_agent"),
        client_ip=client_ip if settings.store_client_ip else None,
        tags=tags,
    )


def _tags(payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[str, ...]:
    found = payload.get("request_tags")
    if not isinstance(found, list | tuple):
        found = metadata.get("tags")
    if not isinstance(found, list | tuple):
        return ()
    cleaned = (text(tag) for tag in found)
    return tuple(dict.fromkeys(tag for tag in cleaned if tag and not tag.startswith(INJECTED_TAG)))[:MAX_TAGS]


def _tagged(tags: tuple[str, ...], prefix: str) -> str | None:
    if not prefix:
        return None
    return next((text(tag.removeprefix(prefix)) for tag in tags if tag.startswith(prefix)), None)
