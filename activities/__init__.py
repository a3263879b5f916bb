"""One transaction each: lock, apply a rule, write, translate errors. Decides nothing that domain/ could decide."""
