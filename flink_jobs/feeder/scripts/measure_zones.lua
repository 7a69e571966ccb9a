-- Newest window per zone, and one message with the zones that changed.
-- KEYS: 1 surge, 2 runs, 3 stats
-- ARGV: channel, number of runs n, n times (run, wall time of its first record here),
--       then per zone: id, run, window end (ms), JSON
-- Order of two windows of a zone: the newer run (first seen later, then by name), then the window's end.
-- Returns: windows taken
local SURGE, RUNS, STATS = unpack(KEYS)
local channel, at = ARGV[1], 3
for _ = 1, tonumber(ARGV[2]) do
    redis.call('ZADD', RUNS, 'LT', ARGV[at + 1], ARGV[at])
    at = at + 2
end
local function rank(run) return tonumber(redis.call('ZSCORE', RUNS, run) or '-1') end

local changed, zones = {}, 0
for i = at, #ARGV, 4 do
    local id, run, window_end_ms, json = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
    zones = zones + 1
    local stored, is_newer = redis.call('HGET', SURGE, id), true
    if stored then
        local old = cjson.decode(stored)
        if old.run_id == run then
            is_newer = window_end_ms > old.window_end_ms
        else
            local a, b = rank(run), rank(old.run_id)
            is_newer = a > b or (a == b and run > old.run_id)
        end
    end
    if is_newer then
        redis.call('HSET', SURGE, id, json)
        changed[#changed + 1] = json
    end
end
if #changed > 0 then
    redis.call('PUBLISH', channel, '[' .. table.concat(changed, ',') .. ']')
    redis.call('HINCRBY', STATS, 'zone_windows', #changed)
end
if zones > #changed then redis.call('HINCRBY', STATS, 'stale_zone_windows', zones - #changed) end
return #changed
