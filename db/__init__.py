"""All state: tables, migrations, locks, queries, outbox, inbox, invariants, and the Redis view. Decides no rule."""
