"""The console command: puts the processes together, and starts the stack they need. Holds no rule."""
