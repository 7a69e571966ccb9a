-- Removes entities that have been silent too long, by the event time of their own run; readers see them gone from the hash.
-- KEYS: 1 positions, 2 geo, 3 seen, 4 versions, 5 runs, 6 run clocks, 7 stats
-- ARGV: prefix of the per-run sets, silence allowed in event time (ms), wall time now (ms),
--       wall time (ms) after which a run that no longer sends gives its entities up to a newer run, most to remove
-- A run that has ended keeps its last positions until a newer run sends: an ended city stays on the map.
-- Returns: entities removed
local POSITIONS, GEO, SEEN, VERSIONS, RUNS, CLOCKS, STATS = unpack(KEYS)
local run_prefix, silence_ms, now_ms, run_silence_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local left = tonumber(ARGV[5])
local removed, newer_sends = 0, false
for _, run in ipairs(redis.call('ZREVRANGE', RUNS, 0, -1)) do
    local clock = redis.call('HGET', CLOCKS, run)
    local newest_ms, last_wall_ms = string.match(clock or '', '^(%S+) (%S+)$')
    if newest_ms and left > 0 then
        local sends = now_ms - tonumber(last_wall_ms) <= run_silence_ms
        local limit = '(' .. string.format('%.0f', tonumber(newest_ms) - silence_ms)
        if newer_sends and not sends then limit = '+inf' end
        local ids = redis.call('ZRANGEBYSCORE', run_prefix .. run, '-inf', limit, 'LIMIT', 0, left)
        if #ids > 0 then
            redis.call('HDEL', POSITIONS, unpack(ids))
            redis.call('HDEL', VERSIONS, unpack(ids))
            redis.call('ZREM', GEO, unpack(ids))
            redis.call('ZREM', SEEN, unpack(ids))
            redis.call('ZREM', run_prefix .. run, unpack(ids))
            removed, left = removed + #ids, left - #ids
        end
        newer_sends = newer_sends or sends
    end
end
if removed > 0 then redis.call('HINCRBY', STATS, 'expired_positions', removed) end
return removed
