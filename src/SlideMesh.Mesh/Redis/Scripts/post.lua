-- pool, run, slide, serial, body, trace, limit (0: none), place in the slide's set (0: none), guard ×5 → ok | stale | full
if not guarded(10) then return 'stale' end
local set, place = P .. 'set:' .. ARGV[3] .. ':' .. ARGV[4], num(ARGV[9])
local out = place > 0 and redis.call('HGET', set, 'out')
-- Handed out before: its reply was lost.
if out and place <= num(out) then return 'ok' end
local limit = num(ARGV[8])
if limit > 0 and redis.call('LLEN', P .. 'backlog:' .. ARGV[2]) >= limit then return 'full' end
post(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 0, 0, 0)
if out then redis.call('HSET', set, 'out', place) end
return 'ok'
