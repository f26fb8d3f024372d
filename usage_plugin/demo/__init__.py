"""A seed and a moment in, a generated company's 90 days of calls in a database of their own out."""

from usage_plugin.demo.fill import FillResult, Progress, fill
from usage_plugin.demo.generate import generate
from usage_plugin.demo.place import demo_path, demo_url
from usage_plugin.demo.plans import plan
from usage_plugin.demo.refresh import fill_empty, is_fresh, refill

__all__ = [
    "FillResult",
    "Progress",
    "demo_path",
    "demo_url",
    "fill",
    "fill_empty",
    "generate",
    "is_fresh",
    "plan",
    "refill",
]
