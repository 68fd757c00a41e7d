"""The chat assistant's pages: threads of one person in one project."""
