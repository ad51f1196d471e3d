"""The brainstorm: the assistant's replies, its read-only tools, and the idea card."""
