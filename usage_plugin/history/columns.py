"""The columns of a foreign file in, which field of a call each one fills out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from usage_plugin.errors import InputError

# Each field of a call, and the names of columns that are taken for it without being told, the likeliest first. Case
# and punctuation do not count: "ContextTokens" is "context_tokens". A dot leads into an object of a JSON line.
FIELDS: dict[str, tuple[str, ...]] = {
    "request_id": ("id", "call_id", "litellm_call_id", "response_id", "completion_id"),
    "started_at": (
        "start_time",
        "timestamp",
        "time",
        "datetime",
        "date",
        "created_at",
        "created",
        "request_time",
        "ts",
    ),
    "completed_at": ("end_time", "finished_at", "ended_at"),
    "latency_ms": ("duration_ms", "request_duration_ms", "response_time_ms"),
    "latency_s": ("duration_s", "latency_seconds", "duration_seconds"),
    "ttft_ms": ("time_to_first_token_ms",),
    "calls": ("n_requests", "num_requests", "num_model_requests"),
    "call_type": ("operation",),
    "route": ("endpoint",),
    "stream": ("streaming", "is_stream"),
    "provider": ("custom_llm_provider", "llm_provider", "vendor"),
    "model": ("model_name", "llm_model"),
    "model_group": ("model_alias",),
    "requested_model": (),
    "deployment_id": ("deployment",),
    "status": ("outcome",),
    "error_class": ("error_type", "exception"),
    "error_code": ("status_code", "http_status"),
    "cache_hit": (),
    "prompt_tokens": (
        "input_tokens",
        "context_tokens",
        "tokens_in",
        "n_context_tokens_total",
        "usage.prompt_tokens",
        "usage.input_tokens",
    ),
    "completion_tokens": (
        "output_tokens",
        "generated_tokens",
        "tokens_out",
        "n_generated_tokens_total",
        "usage.completion_tokens",
        "usage.output_tokens",
    ),
    "total_tokens": ("tokens", "usage.total_tokens"),
    "input_cache_read_tokens": (
        "cache_read_input_tokens",
        "cached_tokens",
        "cache_read_tokens",
        "cached_input_tokens",
        "input_cached_tokens",
        "usage.prompt_tokens_details.cached_tokens",
    ),
    "input_cache_write_5m_tokens": ("cache_creation_input_tokens", "cache_write_tokens"),
    "input_cache_write_1h_tokens": (),
    "input_audio_tokens": (),
    "input_image_tokens": (),
    "output_reasoning_tokens": ("reasoning_tokens", "usage.completion_tokens_details.reasoning_tokens"),
    "output_audio_tokens": (),
    "output_image_tokens": (),
    "cost_usd": ("cost", "spend", "total_cost", "response_cost", "amount_usd"),
    "cost_confidence": (),
    "organization_id": ("organization", "org_id", "org"),
    "team_id": ("team",),
    "team_alias": ("team_name",),
    "user_id": ("user",),
    "api_key_hash": (),
    "api_key_alias": ("key_alias", "key_name"),
    "project_id": ("project",),
    "end_user_id": ("end_user", "customer", "customer_id"),
    "feature": (),
    "environment": ("env",),
    "user_agent": (),
    "client_ip": ("requester_ip_address",),
    "session_id": ("conversation_id",),
    "trace_id": (),
    "tags": ("request_tags",),
}
_IGNORED = re.compile(r"[^a-z0-9]")
_TIMES = ("started_at", "completed_at")
_AMOUNTS = ("prompt_tokens", "completion_tokens", "total_tokens", "cost_usd")
# Sets of column names that one import remembers; lines of JSON may each have others.
_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column fills which field.

    Args:
        named: Columns by the field that they fill, as the user says.
        constants: Values by field, for every line.
    """

    named: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    _known: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def columns(self, present: Iterable[str]) -> dict[str, str]:
        """Give the column for each field that the columns of a line fill."""
        names = tuple(present)
        if names not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[names] = self._resolve(names)
        return self._known[names]

    def check(self, present: Sequence[str]) -> None:
        """Refuse columns that cannot make a call.

        Raises:
            InputError: A named column is not there, or none says when or how much.
        """
        for name, column in self.named.items():
            if column not in present:
                problem = f"--map {name}={column}: there is no column {column}"
                raise InputError(problem, f"There are: {', '.join(present)}")
        filled = {*self.columns(present), *self.constants}
        for wanted, what in ((_TIMES, "when a call was"), (_AMOUNTS, "how many tokens it had or what it cost")):
            if filled.isdisjoint(wanted):
                problem = f"no column says {what}; there are: {', '.join(present)}"
                raise InputError(problem, f"Name one: --map {wanted[0]}=COLUMN")

    def _resolve(self, present: tuple[str, ...]) -> dict[str, str]:
        by_bare_name = {_bare(name): name for name in reversed(present)}
        found = {}
        for name, aliases in FIELDS.items():
            candidates = (by_bare_name.get(_bare(alias)) for alias in (name, *aliases))
            column = self.named.get(name) or next((found for found in candidates if found), None)
            if column in present and name not in self.constants:
                found[name] = str(column)
        taken = set(self.named.values())
        return {name: column for name, column in found.items() if name in self.named or column not in taken}


def parse_pairs(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """Read ``field=value`` as given on a command line.

    Raises:
        InputError: It is no such pair, or no field of a call.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not value or not name:
            raise InputError(f"{option} {pair} has no value", f"Write {option} {name or 'model'}=...")
        if name not in FIELDS:
            raise InputError(f"{option} {pair}: a call has no {name}", f"It has: {', '.join(FIELDS)}")
        if name in found:
            raise InputError(f"{option} {name} is given twice", "Give it once")
        found[name] = value
    return found


def _bare(name: str) -> str:
    return _IGNORED.sub("", name.lower())
