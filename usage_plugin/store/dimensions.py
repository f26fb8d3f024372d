"""What calls can be filtered and split by: each dimension with its number in the sheets and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Dimension(StrEnum):
    """What usage can be filtered by and split by."""

    PROVIDER = "provider"
    MODEL = "model"
    TEAM = "team"
    ORGANIZATION = "organization"
    USER = "user"
    KEY = "key"
    PROJECT = "project"
    END_USER = "end_user"
    FEATURE = "feature"
    TAG = "tag"
    ENVIRONMENT = "environment"
    CALL_TYPE = "call_type"
    STATUS = "status"

    @property
    def number(self) -> int:
        """Stands for the dimension in the sheets; never changed, new dimensions get new numbers."""
        return _NUMBERS[self]


_NUMBERS: Final[Mapping[Dimension, int]] = {dimension: number for number, dimension in enumerate(Dimension, 1)}

# Tags are in a table of their own: a call may have many.
COLUMNS: Final[Mapping[Dimension, str]] = {
    Dimension.PROVIDER: "provider",
    Dimension.MODEL: "model",
    Dimension.TEAM: "team_id",
    Dimension.ORGANIZATION: "organization_id",
    Dimension.USER: "user_id",
    Dimension.KEY: "api_key_hash",
    Dimension.PROJECT: "project_id",
    Dimension.END_USER: "end_user_id",
    Dimension.FEATURE: "feature",
    Dimension.ENVIRONMENT: "environment",
    Dimension.CALL_TYPE: "call_type",
    Dimension.STATUS: "status",
}
LABELS: Final[Mapping[Dimension, str]] = {Dimension.TEAM: "team_alias", Dimension.KEY: "api_key_alias"}
