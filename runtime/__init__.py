"""What every process shares: settings, logs, metrics, traces, clients, and how a process starts and ends."""
