"""Results as texts: plain ones and Markdown."""
