"""The vendors, locally, over their real protocols."""
