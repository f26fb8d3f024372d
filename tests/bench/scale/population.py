"""A seed in, who calls out: organizations, teams, people, projects, and keys with their habits, as columns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.bench.scale.catalogue import MODELS, Model, models

ORGANIZATIONS, TEAMS, USERS, PROJECTS, KEYS, END_USERS, FEATURES, TAGS = 10, 50, 1_500, 100, 2_000, 20_000, 30, 100
ENVIRONMENTS = ("prod", "staging", "dev", "ci")
AGENTS = (
    "OpenAI/Python 2.9.0",
    "AsyncOpenAI/Python 2.9.0",
    "OpenAI/JS 6.7.0",
    "Anthropic/Python 0.61.0",
    "AsyncAnthropic/Python 0.61.0",
    "python-httpx/0.28.1",
    "claude-cli/2.0.31 (external, cli)",
    "langchain-openai/1.0.2 OpenAI/Python 2.9.0",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Vercel-AI-SDK/5.0.89 ai-sdk/provider-utils/3.0.16 runtime/node.js/22",
    "curl/8.14.1",
    "Go-http-client/2.0",
)
_FEATURES = (
    "support-bot ticket-triage site-search answer-box coding-agent code-review campaign-writer call-notes"
    " email-drafts nightly-enrichment sql-assistant contract-review fine-tune-eval notebooks translation"
    " summaries moderation invoice-reader cv-screening onboarding pricing-helper fraud-notes product-copy"
    " release-notes incident-digest meeting-minutes data-catalogue voice-menu image-alt-text tax-answers"
)
_SUBJECTS = ("product", "region", "tier", "experiment", "squad", "channel", "release", "customer", "purpose", "cost")
SEED = 7
MODELS_OF_A_KEY, TAG_SETS_OF_A_KEY, NOBODY = 6, 8, -1
SKEW_OF_KEYS, SKEW_OF_MODELS, SKEW_OF_END_USERS, SKEW_OF_TAGS = 1.05, 1.1, 0.9, 1.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Columns of all keys: whose they are, indexes with ``NOBODY`` for none, and what they are used for."""

    share: Floats
    team: Ints
    organization: Ints
    user: Ints
    project: Ints
    environment: Ints
    feature: Ints
    agent: Ints
    rhythm: Ints
    models: Ints
    """Shape ``(keys, MODELS_OF_A_KEY)``, the most used first."""
    tag_sets: Ints
    """Shape ``(keys, TAG_SETS_OF_A_KEY)``: indexes into ``World.tag_sets``."""
    has_end_users: Bools
    streamed: Floats
    cache_read: Floats
    prompt_tokens: Floats
    completion_tokens: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that calls are drawn from; names by index."""

    models: tuple[Model, ...]
    keys: Keys
    organizations: tuple[str, ...]
    teams: tuple[tuple[str, str], ...]
    """Id and alias."""
    users: tuple[str, ...]
    projects: tuple[str, ...]
    key_names: tuple[tuple[str, str], ...]
    """Hash and alias."""
    features: tuple[str, ...]
    end_users: tuple[str, ...]
    addresses: tuple[str, ...]
    tag_sets: tuple[tuple[str, ...], ...]


def zipf(size: int, skew: float) -> Floats:
    """Give shares that fall with the rank, and add up to 1."""
    heights: Floats = np.arange(1, size + 1, dtype=np.float64) ** -skew
    shares: Floats = heights / heights.sum()
    return shares


def world(seed: int = SEED) -> World:
    """Draw a world: the same for each number of calls."""
    rng = np.random.default_rng(seed)
    tag_sets = _tag_sets(rng)
    return World(
        models=models(rng),
        keys=_keys(rng, len(tag_sets)),
        organizations=tuple(_uuid("org", number) for number in range(ORGANIZATIONS)),
        teams=tuple((_uuid("team", number), f"Team {number:02d}") for number in range(TEAMS)),
        users=tuple(f"person.{number:04d}@acme.example" for number in range(USERS)),
        projects=tuple(_uuid("project", number) for number in range(PROJECTS)),
        key_names=tuple((_hex("key", number, 32), f"key-{number:04d}") for number in range(KEYS)),
        features=tuple(_FEATURES.split()),
        end_users=tuple(f"customer-{_hex('end user', number, 6)}" for number in range(END_USERS)),
        addresses=tuple(f"10.{20 + number // 250}.{number % 250}.{7 + number % 240}" for number in range(KEYS)),
        tag_sets=tag_sets,
    )


def _keys(rng: np.random.Generator, tag_sets: int) -> Keys:
    team_of_user = rng.choice(TEAMS, USERS, p=zipf(TEAMS, 0.6))
    team_of_user[:TEAMS] = np.arange(TEAMS)
    user = np.concatenate([np.arange(USERS), rng.choice(USERS, KEYS - USERS, p=zipf(USERS, 0.8))])
    team = team_of_user[user]
    served = rng.random(KEYS) < 0.04
    project = np.where(rng.random(KEYS) < 0.3, NOBODY, (team * 2 + rng.integers(0, 2, KEYS)) % PROJECTS)
    feature = rng.choice(FEATURES, KEYS, p=rng.permutation(zipf(FEATURES, 0.7)))
    popular = np.stack([rng.choice(MODELS, MODELS_OF_A_KEY, False, zipf(MODELS, SKEW_OF_MODELS)) for _ in range(KEYS)])
    return Keys(
        share=rng.permutation(zipf(KEYS, SKEW_OF_KEYS)),
        team=team,
        organization=team % ORGANIZATIONS,
        user=np.where(served & (user >= TEAMS), NOBODY, user),
        project=project,
        environment=rng.choice(len(ENVIRONMENTS), KEYS, p=(0.62, 0.14, 0.14, 0.1)),
        feature=feature,
        agent=rng.choice(len(AGENTS), KEYS, p=zipf(len(AGENTS), 0.8)),
        rhythm=rng.choice(4, KEYS, p=(0.4, 0.25, 0.15, 0.2)),
        models=popular,
        tag_sets=rng.integers(0, tag_sets, (KEYS, TAG_SETS_OF_A_KEY)),
        has_end_users=feature % 3 == 0,
        streamed=rng.choice((0.0, 0.5, 0.95), KEYS),
        cache_read=rng.choice((0.0, 0.3, 0.8), KEYS, p=(0.5, 0.3, 0.2)),
        prompt_tokens=rng.lognormal(7.3, 1.1, KEYS),
        completion_tokens=rng.lognormal(5.2, 0.8, KEYS),
    )


def _tag_sets(rng: np.random.Generator) -> tuple[tuple[str, ...], ...]:
    """Draw combinations of none to three tags, as code that calls has them written in."""
    tags = [f"{_SUBJECTS[number % len(_SUBJECTS)]}:{number // len(_SUBJECTS):02d}" for number in range(TAGS)]
    sizes = rng.choice(4, 3_000, p=(0.3, 0.35, 0.25, 0.1))
    shares = zipf(TAGS, SKEW_OF_TAGS)
    return tuple(tuple(tags[at] for at in rng.choice(TAGS, size, False, shares)) for size in sizes)


def _hex(kind: str, number: int, size: int) -> str:
    return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=size).hexdigest()


def _uuid(kind: str, number: int) -> str:
    text = _hex(kind, number, 16)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
