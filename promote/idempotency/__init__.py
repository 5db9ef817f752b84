"""Answers already given, by caller, call and key."""
