"""Settings → Activity: one history of AI actions and changes, filtered, paged and exported (R74, R75)."""
