"""The answers of compare, trace and doctor for coding assistants, over the Model Context Protocol."""
