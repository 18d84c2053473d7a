-- run, slide, key, shards, pool, body, trace, guard ×5 → how many of the set's shards have been handed out | stale
if not guarded(9) then return 'stale' end
local run, slide, want = ARGV[2], ARGV[3], ARGV[5]
local set = P .. 'set:' .. run .. ':' .. slide
local s = redis.call('HMGET', set, 'key', 'want', 'out')
-- The same set again, after a lost reply or a coordinator's death: it goes on where it is.
if s[1] == ARGV[4] and s[2] == want then return s[3] end
if s[1] then
  -- Cut from another plan: neither its shards nor their times count.
  forget(run, slide, false)
  redis.call('HDEL', P .. 'times:' .. run, slide)
end
redis.call('HSET', set, 'key', ARGV[4], 'want', want, 'out', '0', 'have', '0', 'pool', ARGV[6], 'body', ARGV[7], 'trace', ARGV[8])
if want == '0' then post(ARGV[6], run, slide, '1', ARGV[7], ARGV[8], 0, 0, 0) end
return '0'
