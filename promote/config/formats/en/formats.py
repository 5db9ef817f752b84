"""English, for staff: the day before the month, 24 hours, and seconds, by which what happened is told apart."""

DATETIME_FORMAT = "j M Y H:i:s"
SHORT_DATETIME_FORMAT = "j M Y H:i"
