"""`make demo`: a whole city from nothing to an audited answer, on this machine.

`command` is the order of events, `observe` asks the running parts, `screen` draws the answers.
"""
