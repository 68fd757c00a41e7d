"""Performance, measured side by side in one run: PostgreSQL's own limit, the engine, HTTP, the gateway, memory."""
