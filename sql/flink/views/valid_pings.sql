-- Purpose: the pings of a source without what the rules of the contracts reject. Inputs: judged_pings.
-- Output: view valid_pings, the columns of the source. Key: entity_id. Event time: rowtime, kept. Lateness: none here.
create temporary view valid_pings as
select * -- noqa: AM04
from judged_pings
where is_valid
