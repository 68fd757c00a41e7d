"""One module per page family. A view translates the request, runs one operation and renders the answer."""
