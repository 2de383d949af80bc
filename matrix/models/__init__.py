"""The user's own models as cases of the family `model`: found, given shapes and inputs, and put on disk."""
