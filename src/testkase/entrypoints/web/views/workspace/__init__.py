"""A project's pages: folders and test cases, cycles and what is executed in them, imports and exports."""
