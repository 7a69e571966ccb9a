-- Newest position per entity, its indexes, and one message per coarse cell, in one step.
-- KEYS: 1 positions, 2 geo, 3 seen, 4 versions, 5 runs, 6 run clocks, 7 stats
-- ARGV: prefix of the per-run sets, prefix of the channels, wall time (ms), runs kept, pings read, number of runs n,
--       n times (run, wall time of its first record here, newest event time here),
--       then per position: id, run, event time (ms), seq, lon, lat, cell, JSON
-- Order of two positions of an entity: the newer run (first seen later, then by name), then event time, then seq.
-- Returns: {positions taken, messages published}
local POSITIONS, GEO, SEEN, VERSIONS, RUNS, CLOCKS, STATS = unpack(KEYS)
local run_prefix, channel_prefix, now_ms, runs_kept = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local at, pings, runs = 7, tonumber(ARGV[5]), tonumber(ARGV[6])

for _ = 1, runs do
    local run, first_ms, newest_ms = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    redis.call('ZADD', RUNS, 'LT', first_ms, run)
    local clock = redis.call('HGET', CLOCKS, run)
    local known_ms = clock and tonumber(string.match(clock, '^(%S+)')) or nil
    if known_ms and known_ms > tonumber(newest_ms) then newest_ms = string.format('%.0f', known_ms) end
    redis.call('HSET', CLOCKS, run, newest_ms .. ' ' .. now_ms)
    at = at + 3
end
local surplus = redis.call('ZRANGE', RUNS, 0, -runs_kept - 1)
for _, run in ipairs(surplus) do
    redis.call('ZREM', RUNS, run)
    redis.call('HDEL', CLOCKS, run)
end

local ranks = {}
local function rank(run)
    if not ranks[run] then ranks[run] = tonumber(redis.call('ZSCORE', RUNS, run) or '-1') end
    return ranks[run]
end

local ids = {}
for i = at, #ARGV, 8 do ids[#ids + 1] = ARGV[i] end
local known = #ids > 0 and redis.call('HMGET', VERSIONS, unpack(ids)) or {}
local taken, cells, order = 0, {}, {}
local positions, versions, places, times = {}, {}, {}, {}
local latest = {} -- an entity may come once per run
local function append(list, ...)
    for _, value in ipairs({...}) do list[#list + 1] = value end
end
for n = 1, #ids do
    local i = at + (n - 1) * 8
    local id, run, event_ms, seq = ids[n], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    local is_newer, left_run = true, nil
    local current = latest[id] or known[n]
    if current then
        local old_event, old_seq, old_run = string.match(current, '^(%S+) (%S+) (.*)$')
        if old_run == run then
            local a, b = tonumber(event_ms), tonumber(old_event)
            is_newer = a > b or (a == b and tonumber(seq) > tonumber(old_seq))
        else
            local a, b = rank(run), rank(old_run)
            is_newer = a > b or (a == b and run > old_run)
            left_run = old_run
        end
    end
    if is_newer then
        local lon, lat, cell, json = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7]
        if left_run then redis.call('ZREM', run_prefix .. left_run, id) end
        append(positions, id, json)
        latest[id] = event_ms .. ' ' .. seq .. ' ' .. run
        append(versions, id, latest[id])
        append(times, event_ms, id)
        redis.call('ZADD', run_prefix .. run, event_ms, id)
        -- The index ends short of the poles; a position there is kept without it.
        if math.abs(tonumber(lat)) <= 85.05 then
            append(places, lon, lat, id)
        else
            redis.call('ZREM', GEO, id)
        end
        if not cells[cell] then
            cells[cell] = {}
            order[#order + 1] = cell
        end
        table.insert(cells[cell], json)
        taken = taken + 1
    end
end
if taken > 0 then
    redis.call('HSET', POSITIONS, unpack(positions))
    redis.call('HSET', VERSIONS, unpack(versions))
    redis.call('ZADD', SEEN, unpack(times))
end
if #places > 0 then redis.call('GEOADD', GEO, unpack(places)) end
for _, cell in ipairs(order) do
    local message = '{"cell":"' .. cell .. '","positions":[' .. table.concat(cells[cell], ',') .. ']}'
    redis.call('PUBLISH', channel_prefix .. cell, message)
end
if pings > 0 then redis.call('HINCRBY', STATS, 'pings', pings) end
if #order > 0 then redis.call('HINCRBY', STATS, 'frames', #order) end
if taken > 0 then redis.call('HINCRBY', STATS, 'positions', taken) end
if taken < #ids then redis.call('HINCRBY', STATS, 'stale_positions', #ids - taken) end
return {taken, #order}
