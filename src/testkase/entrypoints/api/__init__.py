"""The programs' door: holds, usage and balance as a REST API, and the OpenAI-compatible gateway.

Litestar and msgspec; Django is never imported here."""
