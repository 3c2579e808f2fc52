"""The sections of the model card, and how it writes figures, tables and names."""
