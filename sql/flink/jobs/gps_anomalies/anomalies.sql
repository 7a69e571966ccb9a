-- Purpose: what both functions found, as one stream. Inputs: views track_anomalies, vigil_anomalies.
-- Output: view anomalies. Key: anomaly_id and phase. Event time: in event_time_ms. Lateness: see packed_pings.
create temporary view anomalies as
select * from track_anomalies -- noqa: AM04
union all
select * from vigil_anomalies -- noqa: AM04
