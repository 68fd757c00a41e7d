"""The help pages (R77, R78): what is written there of prices, rates and roles is read from where it is decided."""
