"""From the idea to a plan: the format and its checks, asking the model, coverage."""
