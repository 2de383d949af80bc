"""Reproduction bundles: what somebody else needs to see what happened in one cell, and to see it on other releases."""
