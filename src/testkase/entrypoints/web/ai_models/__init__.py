"""Settings → AI models: the level of each feature, what it costs, and where what is sent goes."""
