"""What the assistant may look up: read-only, in the project of the chat, with the asking person's rights of the moment.

No tool takes an organization, a project or a person: those come from who asks, and no argument can name others.
"""
