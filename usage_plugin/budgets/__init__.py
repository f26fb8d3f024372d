"""What budgets come to: kept ones in, how each stands out."""

from usage_plugin.budgets.standing import Standing, Untold, standing, standing_of

__all__ = ["Standing", "Untold", "standing", "standing_of"]
