"""The forecast on the page (B7): in plain words, with the bundle that would cover what is likely to be missing."""
