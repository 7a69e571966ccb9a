"""Airflow: the chains of `deploy.local.schedule` as DAGs; nothing else of Farol imports this."""
