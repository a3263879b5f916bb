"""The embedded stack: Postgres, Temporal, a Kafka-protocol broker and a Redis-protocol cache from their packages.

For people who have only Python: `holdfast up`, the demo, the benchmarks and the tests. Holds no rule of the service
and is not a way to run production.
"""
