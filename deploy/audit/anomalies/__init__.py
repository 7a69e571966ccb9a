"""The anomalies of a run as its log has them: every ping and status judged by the rules.

A second implementation on purpose: of the job nothing is used, only what `contracts` says.

Reading order: `sightings` (what is on time, in order), `tracks` (single pings), `silences`
(zombies), `judged` (all of it).
"""
