-- Anomalies onto a capped stream, each once, and one message with the new ones.
-- KEYS: 1 stream, 2 known, 3 stats
-- ARGV: channel, entries kept in the stream, identities kept, wall time now (ms), then per anomaly: identity, JSON
-- The oldest identities leave first; far more are kept than the feeder could ever read again.
-- Returns: anomalies taken
local STREAM, KNOWN, STATS = unpack(KEYS)
local channel, kept, remembered, now_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local new, total = {}, 0
for i = 5, #ARGV, 2 do
    total = total + 1
    if redis.call('ZADD', KNOWN, 'NX', now_ms, ARGV[i]) == 1 then
        redis.call('XADD', STREAM, 'MAXLEN', kept, '*', 'anomaly', ARGV[i + 1])
        new[#new + 1] = ARGV[i + 1]
    end
end
if #new > 0 then
    redis.call('ZREMRANGEBYRANK', KNOWN, 0, -remembered - 1)
    redis.call('PUBLISH', channel, '[' .. table.concat(new, ',') .. ']')
    redis.call('HINCRBY', STATS, 'anomalies', #new)
end
if total > #new then redis.call('HINCRBY', STATS, 'stale_anomalies', total - #new) end
return #new
