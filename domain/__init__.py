"""The rules and the message shapes: pure Python, standard library only. Nothing here waits, reads or writes."""
