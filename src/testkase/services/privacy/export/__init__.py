"""An organization's content as one ZIP: asked for, packed by the worker, downloaded within a day, then gone."""
