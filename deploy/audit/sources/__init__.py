"""The servers as the audit needs them: everything is read, nothing is written."""
