"""Asked before each call whether its budgets have room; knows neither database nor LiteLLM, and never waits."""

from usage_plugin.gate.account import Account, Beyond, Limit
from usage_plugin.gate.gate import Accounts, Degraded, Gate, Plan, Refused, Verdict
from usage_plugin.gate.recall import Recall

__all__ = ["Account", "Accounts", "Beyond", "Degraded", "Gate", "Limit", "Plan", "Recall", "Refused", "Verdict"]
