"""A day in a shop: 5 warehouses in 3 regions, 2 000 SKUs, and people who work in it through the public interfaces.

`books` is the model: what must be on every shelf, kept by hand. `floor` speaks to the running service. `machine` puts
the rules of all nouns together; each rule does one thing to the service and the same to the books, and compares. The
service is asked nothing that its users cannot ask; Postgres is read for the invariants alone.
"""
