"""The console command and what it puts together."""
