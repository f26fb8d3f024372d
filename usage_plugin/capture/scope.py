"""A request that begins in, its members of the dimensions that budgets are about out, as its row will have them.

This runs on the event loop for each call while there are limits, so that nothing is looked up that no limit asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, NamedTuple

from usage_plugin.capture.attribution import INJECTED_TAG
from usage_plugin.capture.passthrough import CALL_TYPE as PASS_THROUGH
from usage_plugin.capture.pick import ASKED_MODEL
from usage_plugin.capture.report import request_metadata
from usage_plugin.capture.several import CALL_TYPE as SEVERAL_CALL_TYPE
from usage_plugin.capture.values import MAX_TEXT, mapping, text
from usage_plugin.gate import Plan, Recall
from usage_plugin.logs import get_logger
from usage_plugin.settings import Settings

Members = tuple[str, ...]
_NONE: Members = ()
_log = get_logger(__name__)
_missing = set[str]()
_LISTS = (list, tuple)
# Texts whose cleaned form is remembered: to clean one takes as long as everything else about it. Longer ones are not,
# since a client may send any number of megabytes.
REMEMBERED = 4096
MOST_TAGS_REMEMBERED, LONGEST_TAGS_REMEMBERED = 64, 2048
"""Of one call: how many, and how many characters in all."""
_KEYS = {
    "organization": ("user_api_key_org_id", "org_id"),
    "team": ("user_api_key_team_id", "team_id"),
    "user": ("user_api_key_user_id", "user_id"),
    "key": ("user_api_key_hash", "api_key"),
    "project": ("user_api_key_project_id", "project_id"),
    "end_user": ("user_api_key_end_user_id", "end_user_id"),
}


class _Tags(NamedTuple):
    """A call's tags, and what some of them say."""

    tags: Members = _NONE
    feature: Members = _NONE
    environment: Members = _NONE


class Asked:
    """What `async_pre_call_hook` knows of a call.

    Args:
        data: The request.
        user: LiteLLM's ``UserAPIKeyAuth``.
        call_type: As the row will have it.
        only_target: Model and provider of model groups that have only one.
    """

    __slots__ = ("call_type", "group", "metadata", "only_target", "several", "tags", "user")

    def __init__(
        self, data: Mapping[str, Any], user: object, call_type: str, only_target: Mapping[str, tuple[str, str]]
    ) -> None:
        self.user, self.call_type, self.only_target = user, call_type, only_target
        model = data.get("model")
        self.group: str | None = model if isinstance(model, str) else None
        """The model group that is asked for."""
        self.several: Members = _NONE
        """All groups that are asked at once, where a client names more than one."""
        if call_type == SEVERAL_CALL_TYPE and isinstance(model, str) and "," in model:
            self.several = tuple([each.strip() for each in model.split(",")])
        # Of a call that is passed through this is its body: whatever the client wrote.
        self.metadata: Mapping[str, Any] = {} if call_type == PASS_THROUGH else request_metadata(data)
        self.tags: _Tags | None = None

    def send_to(self, group: str) -> None:
        """Ask for another group."""
        self.group, self.several = group, _NONE

    def targets(self) -> tuple[Members, Members]:
        """Give models and providers of several groups, of those that have only one."""
        found = [self.only_target[each] for each in self.several if each in self.only_target]
        return tuple(dict.fromkeys([model for model, _ in found])), tuple(dict.fromkeys([of for _, of in found]))

    def note_asked_model(self, model: str | None) -> None:
        """Leave word with the request of what its client asked for, since another group is going to answer."""
        if isinstance(self.metadata, dict):
            self.metadata[ASKED_MODEL] = model


class Scopes:
    """Knows where each dimension is found before a call.

    Args:
        settings: For the prefixes of feature and environment tags.
    """

    def __init__(self, settings: Settings) -> None:
        self._cleaned: dict[str, Members] = {}
        self._tag_sets = Recall[_Tags]()
        self._dimensions: tuple[str, ...] = ()
        self._asked: list[Callable[[Asked], Members]] = []
        self._limited_tags: Container[str] = ()
        self._prefixes = settings.feature_tag_prefix, settings.environment_tag_prefix
        self._readers: dict[str, Callable[[Asked], Members]] = {
            **{name: self._of_key(*places) for name, places in _KEYS.items()},
            "tag": self._of_tags,
            "feature": lambda asked: self._tags(asked).feature or self._noted(asked, "feature", ""),
            "environment": lambda asked: (
                self._tags(asked).environment or self._noted(asked, "environment", settings.environment)
            ),
            "model": lambda asked: (
                asked.targets()[0] if asked.several else asked.only_target.get(asked.group or "", _NONE)[:1]
            ),
            "provider": lambda asked: (
                asked.targets()[1] if asked.several else asked.only_target.get(asked.group or "", _NONE)[1:]
            ),
            "call_type": lambda asked: (asked.call_type,),
        }

    def of(self, asked: Asked, plan: Plan) -> tuple[Members, ...]:
        """Give a call's members of each of the plan's dimensions; none where that is not known before the call.

        Of its tags only those that have a limit: the others may be new with each call.
        """
        if plan.dimensions is not self._dimensions:
            self._dimensions = plan.dimensions
            self._asked = [self._readers.get(each, _nobody) for each in plan.dimensions]
            self._limited_tags = dict(zip(plan.dimensions, plan.members, strict=True)).get("tag", {})
        return tuple([read(asked) for read in self._asked])

    def _clean(self, value: object) -> Members:
        """Give a text as its row will have it, or nothing."""
        if value.__class__ is not str:
            return _NONE
        known = self._cleaned.get(value) if len(value) <= MAX_TEXT else None
        if known is None:
            cleaned = text(value)
            known = (cleaned,) if cleaned else _NONE
            if len(value) > MAX_TEXT:
                return known
            if len(self._cleaned) >= REMEMBERED:
                self._cleaned.clear()
            self._cleaned[value] = known
        return known

    def _of_key(self, name: str, attribute: str) -> Callable[[Asked], Members]:
        """Read what belongs to the caller's key, from the metadata or from the key itself."""

        def read(asked: Asked) -> Members:
            value = asked.metadata.get(name)
            return self._clean(value if value else getattr(asked.user, attribute, None))

        return read

    def _of_tags(self, asked: Asked) -> Members:
        limited = self._limited_tags
        return tuple([tag for tag in self._tags(asked).tags if tag in limited])

    def _tags(self, asked: Asked) -> _Tags:
        if asked.tags is None:
            found = asked.metadata.get("tags")
            asked.tags = self._known_tags(tuple(found)) if found.__class__ in _LISTS else _Tags()
        return asked.tags

    def _known_tags(self, found: tuple[object, ...]) -> _Tags:
        """Read tags, those of a client that calls again from memory."""
        try:
            known = self._tag_sets.get(found)
        except TypeError:  # a client may send anything
            return self._read_tags(found)
        if known is None:
            known = self._read_tags(found)
            if _are_short(found):
                self._tag_sets.put(found, known)
        return known

    def _read_tags(self, found: tuple[object, ...]) -> _Tags:
        cleaned = [tag for each in found for tag in self._clean(each) if not tag.startswith(INJECTED_TAG)]
        feature, environment = self._prefixes
        return _Tags(tuple(cleaned), self._after(feature, cleaned), self._after(environment, cleaned))

    def _after(self, prefix: str, tags: list[str]) -> Members:
        """Give what the first tag with a prefix says."""
        if prefix:
            for tag in tags:
                if tag.startswith(prefix) and (value := self._clean(tag[len(prefix) :])):
                    return value
        return _NONE

    def _noted(self, asked: Asked, name: str, otherwise: str) -> Members:
        """Read what the metadata for spend logs say."""
        found = mapping(asked.metadata.get("spend_logs_metadata")).get(name)
        return self._clean(found) or self._clean(otherwise)


def _are_short(tags: tuple[Any, ...]) -> bool:
    try:
        return len(tags) <= MOST_TAGS_REMEMBERED and len("".join(tags)) <= LONGEST_TAGS_REMEMBERED
    except TypeError:  # some are no texts
        return False


def _nobody(_asked: Asked) -> Members:
    return _NONE


def is_known_group(group: str) -> bool:
    """Say whether the proxy can send a call to a model group: one that is not there must not make calls fail.

    What cannot be found out is taken for granted. The log says once which group is missing.
    """
    from litellm.proxy import proxy_server  # noqa: PLC0415 - not there in a program without a proxy

    router = proxy_server.llm_router
    if router is None or router.is_recognized_model(group) or router.pattern_router.route(group):
        return True
    if group not in _missing:
        _missing.add(group)
        _log.error("group_of_budget_missing", group=group, remedy="name a model group of the proxy in the budget")
    return False
