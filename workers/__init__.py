"""The processes behind the API: the Temporal workers, the Kafka bridge, the outbox relay, the sweeper, schedules."""
