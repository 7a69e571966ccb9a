"""The folder that Airflow reads DAGs from."""
