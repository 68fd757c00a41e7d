"""People, organizations, roles and API keys."""
