"""The OpenAI-compatible gateway (B14): change the base URL of any client and its calls are metered."""
