"""Every request of the API, once: a function from what the caller says to a `Request`."""
