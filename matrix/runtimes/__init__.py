"""The runtimes: which releases there are, which of them a run uses, and the environment that each of them runs in."""
