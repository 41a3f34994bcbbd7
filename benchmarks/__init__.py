"""Side by side with what a user would pick instead; see each module's text for its command."""

import vitrail  # noqa: F401 - what libraries would report is switched off before any is imported
