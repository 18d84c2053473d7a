-- run, slide, shards, pool, body, trace, request, guard ×5 → ok | stale | exists
if not guarded(9) then return 'stale' end
local run, slide = ARGV[2], ARGV[3]
local set = P .. 'set:' .. run .. ':' .. slide
local request = redis.call('HGET', set, 'request')
-- The same request again: its reply was lost.
if request then return request == ARGV[8] and 'ok' or 'exists' end
redis.call('HSET', set, 'request', ARGV[8], 'want', ARGV[4], 'have', '0', 'pool', ARGV[5], 'body', ARGV[6], 'trace', ARGV[7])
if ARGV[4] == '0' then post(ARGV[5], run, slide, '1', ARGV[6], ARGV[7], 0, 0) end
return 'ok'
