"""Side by side with what a user would pick instead; see each module's text for its command."""
