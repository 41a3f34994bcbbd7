"""What the service tells of itself: logs, an audit log and metrics."""
