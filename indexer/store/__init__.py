"""Files that survive a power cut: segments, commits, the writer's lock."""
