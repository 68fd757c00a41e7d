"""What the product does: organizations, workspace, metering, inference and the AI features."""
