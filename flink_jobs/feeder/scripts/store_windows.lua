-- Windows of regions with a time to live, and per region an index of the newest ones.
-- KEYS: 1 stats
-- ARGV: time to live (s), windows kept per region,
--       then per window: its key, key of the region's index, prefix of the region's window keys, start (ms), is final (0 or 1), JSON, trips
-- An early result never replaces a final one, nor one with more trips. Windows that leave the index go with it, so a fast replay of months is bounded.
-- Returns: windows taken
local ttl_s, kept, taken, total = ARGV[1], tonumber(ARGV[2]), 0, 0
for i = 3, #ARGV, 7 do
    local key, index, prefix, start, json = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 5]
    total = total + 1
    local is_newer = true
    if ARGV[i + 4] == '0' then
        local stored = redis.call('GET', key)
        local known = stored and cjson.decode(stored)
        is_newer = not (known and (known.is_final or known.trip_count > tonumber(ARGV[i + 6])))
    end
    if is_newer then
        redis.call('SET', key, json, 'EX', ttl_s)
        redis.call('ZADD', index, start, start)
        redis.call('EXPIRE', index, ttl_s)
        for _, old in ipairs(redis.call('ZRANGE', index, 0, -kept - 1)) do
            redis.call('ZREM', index, old)
            redis.call('DEL', prefix .. old)
        end
        taken = taken + 1
    end
end
if taken > 0 then redis.call('HINCRBY', KEYS[1], 'region_windows', taken) end
if taken < total then redis.call('HINCRBY', KEYS[1], 'stale_region_windows', total - taken) end
return taken
