"""What every job is started with: settings, the table environment, SQL files, submission.

Reading order: `settings` (addresses and options), `sql` (files and their placeholders),
`environment` (the table environment), `submission` (what a job's `main` calls). No rule of any
job may enter here.
"""
