"""A stand-in for the providers: speaks their wire formats and reports the usage that a test asks for.

Each provider lives under its own first path segment (``/openai/v1/chat/completions``, ``/anthropic/v1/messages``).
A marker in any text of a request says what to answer, see :mod:`tests.upstream.ask`;
``GET /__log`` tells what was served.
"""
