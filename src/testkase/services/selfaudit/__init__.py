"""The self-audit: the product verifies its own books while it runs, tells of deviations, and publishes its heads."""
