"""Statuses in, the errors that belong to them out."""

from __future__ import annotations

import numpy as np

from usage_plugin.demo.calls import FAILURE, REJECTED, Ints
from usage_plugin.event import Failure

NO_ERROR = Failure()
_BY_PROVIDER = (
    Failure(error_class="InternalServerError", error_code="500"),
    Failure(error_class="ServiceUnavailableError", error_code="503"),
    Failure(error_class="Timeout", error_code="408"),
    Failure(error_class="RateLimitError", error_code="429", rate_limit_type="vendor_rate_limit"),
    Failure(error_class="BadRequestError", error_code="400"),
)
_BY_PROXY = (
    Failure(error_class="RateLimitError", error_code="429", rate_limit_type="litellm_rate_limit"),
    Failure(error_class="ProxyException", error_code="401"),
)
ERRORS = (NO_ERROR, *_BY_PROVIDER, *_BY_PROXY)
# The provider said no before it did any work, so nothing is billed.
REFUSALS = frozenset({"400", "429", "503"})


def draw_errors(status: Ints, rng: np.random.Generator) -> Ints:
    """Give each failed or rejected call an index into ``ERRORS``; 0 for the others."""
    by_provider = rng.integers(1, 1 + len(_BY_PROVIDER), len(status))
    by_proxy = rng.integers(1 + len(_BY_PROVIDER), len(ERRORS), len(status))
    return np.where(status == FAILURE, by_provider, np.where(status == REJECTED, by_proxy, 0))
