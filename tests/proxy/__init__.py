"""A real LiteLLM proxy in front of the stand-in providers, called as its users call it."""
