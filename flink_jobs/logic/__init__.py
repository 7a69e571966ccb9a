"""The rules of the jobs, pure: values in, values out. No pyflink, Kafka or Redis here."""
