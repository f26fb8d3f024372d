"""A seed and a moment in, a generated company's 90 days of calls in a database of their own out."""

from usage_plugin.demo.fill import FillResult, fill
from usage_plugin.demo.generate import generate
from usage_plugin.demo.place import demo_path, demo_url

__all__ = ["FillResult", "demo_path", "demo_url", "fill", "generate"]
