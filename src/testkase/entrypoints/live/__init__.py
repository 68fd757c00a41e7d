"""The door of open pages: one stream each, that says when to look again."""
