"""Facts in, findings about what was installed and configured out."""

from __future__ import annotations

from usage_plugin.doctor.facts import Facts
from usage_plugin.doctor.finding import Finding, fail, ok, warn
from usage_plugin.errors import InputError
from usage_plugin.proxy_config import CALLBACK
from usage_plugin.store.migrate import SchemaState
from usage_plugin.store.namespace import OWN_SCHEMA

# Published in March 2026 with a credential stealer inside, and withdrawn within hours.
MALICIOUS_LITELLM = ("1.82.7", "1.82.8")
OLDEST_LITELLM = (1, 100)
_CALLBACK_LINE = f'litellm_settings: {{callbacks: ["{CALLBACK}"]}}'


def check_litellm(facts: Facts) -> Finding:
    """LiteLLM is there, new enough, and not one of the two malicious releases."""
    version = facts.litellm_version
    if version is None:
        return warn("litellm", "LiteLLM is not installed here", "Where the proxy runs: pip install 'litellm[proxy]'")
    if version in MALICIOUS_LITELLM:
        what = f"LiteLLM {version} is a malicious release that steals credentials"
        return fail("litellm", what, "Remove it, rotate every key that this machine could read, install 1.100 or newer")
    if _release(version) < OLDEST_LITELLM:
        what = f"LiteLLM {version} is older than 1.100; its payloads are not the ones that are understood here"
        return fail("litellm", what, "pip install -U 'litellm[proxy]>=1.100'")
    return ok("litellm", f"LiteLLM {version}")


def check_config(facts: Facts) -> Finding:
    """The LiteLLM config can be read and names the callback where LiteLLM calls all of it."""
    if facts.config is None:
        return _config_problem(facts)
    path = facts.config.path
    if not facts.config.records_usage and facts.config.partly_called:
        what = f"{path} names the callback in success_callback or failure_callback, where only a part of it is called"
        return fail("config", what, f"Name it there instead: {_CALLBACK_LINE}")
    if not facts.config.records_usage:
        return fail("config", f"{path} does not name the callback, so no call is recorded", f"Add: {_CALLBACK_LINE}")
    if not facts.config.counts_no_log_calls:
        what = f'{path} names the callback, but a client can hide its calls with "no-log": true'
        return warn("config", what, "Add: litellm_settings: {global_disable_no_log_param: true}")
    return ok("config", f"{path} names the callback")


def _config_problem(facts: Facts) -> Finding:
    """A config that is not here is no problem while a proxy records: it has read one elsewhere."""
    error = facts.config_error or InputError("no config was read")
    if not facts.settings.litellm_config.exists() and facts.running_writers:
        return warn("config", f"{error.problem}; a running proxy has read another one", "Name that one: --config FILE")
    return fail("config", error.problem, error.remedy)


def check_enabled(facts: Facts) -> Finding:
    """Recording is not switched off."""
    if not facts.settings.enabled:
        remedy = "Remove that setting, and restart the proxy"
        return fail("recording", f"recording is switched off by {facts.enabled_by}", remedy)
    return ok("recording", "recording is switched on")


def check_data_folder(facts: Facts) -> Finding:
    """The data folder takes files."""
    folder, problem = facts.settings.data_dir, facts.data_folder_error
    if problem is None:
        return ok("data folder", f"{folder} can be written")
    what = f"the data folder {folder} cannot be written: {problem}"
    remedy = "Make it a folder that this user can write to, or choose another one with USAGE_DATA_DIR"
    return fail("data folder", what, remedy) if not facts.settings.database_url else warn("data folder", what, remedy)


def check_database(facts: Facts) -> Finding:
    """The database answers, or can be made."""
    error = facts.database.error
    if error is not None:
        return fail("database", error.problem, error.remedy)
    if not facts.database.created:
        return ok("database", f"{facts.settings.safe_url} is not created yet; its folder can be written")
    return ok("database", f"{facts.settings.safe_url} answers")


def check_schema(facts: Facts) -> Finding:
    """The tables are there and of this version."""
    upgrade = "Run: usage-plugin migrate"
    if facts.database.beside_litellm:
        return _beside_litellm(facts)
    match facts.database.schema:
        case None:
            return fail("schema", "the tables cannot be looked at while the database does not answer", "See above")
        case SchemaState.EMPTY:
            return fail(
                "schema",
                f"{facts.settings.safe_url} has no tables yet",
                f"{upgrade} (the proxy does so when it starts)",
            )
        case SchemaState.BEHIND:
            return fail("schema", "the tables are of an older version of this package", upgrade)
        case SchemaState.AHEAD:
            what = "the tables are of a newer version of this package"
            return fail("schema", what, "Upgrade it where this runs: pip install -U litellm-usage-plugin")
        case _:
            return ok("schema", "the tables are of this version")


def _beside_litellm(facts: Facts) -> Finding:
    if facts.database.schema is SchemaState.EMPTY:
        return fail("schema", f"{facts.settings.safe_url} is LiteLLM's own schema, and gets no tables", OWN_SCHEMA)
    what = f"the tables lie among LiteLLM's own in {facts.settings.safe_url}: its migrations may drop them"
    return warn("schema", what, "Move them to a schema of their own: see docs/configuration.md, PostgreSQL")


def _release(version: str) -> tuple[int, ...]:
    """Read the leading numbers: ``1.106.2rc1`` is (1, 106)."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
