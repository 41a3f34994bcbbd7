"""What can be asked for, one router a subject."""
