"""What budgets come to: kept ones in, how each stands out."""

from usage_plugin.budgets.standing import Standing, standing, standing_of

__all__ = ["Standing", "standing", "standing_of"]
