"""Projects and test cases. Free of Django: the web, the worker and the API run the same operations."""
