"""`make bench`: each figure of DESIGN §5 beside its yardstick, in the same run on the same machine.

Starts a stack and the processes of its own in a temporary directory. Judges nothing: it prints what it measured and
the budget beside it.
"""
