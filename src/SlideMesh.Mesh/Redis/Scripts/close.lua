-- run, error, claim ×5 → ok | stale. The run's tables are written.
if not own(ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]) then return 'stale' end
drop(ARGV[4], ARGV[5], ARGV[6], ARGV[7])
local name = P .. 'run:' .. ARGV[2]
local r = redis.call('HMGET', name, 'state', 'ended', 'total', 'out')
if r[1] ~= 'cancelled' then
  -- Slides that were sent back meanwhile are told of again when they have ended.
  if num(r[2]) < num(r[3]) then return 'ok' end
  redis.call('HSET', name, 'state', 'done')
end
redis.call('HSET', name, 'closed', whole(now))
-- They are in the tables now. Slides that are tried again begin new ones.
redis.call('UNLINK', P .. 'times:' .. ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', name, 'error', ARGV[3]) end
if r[4] and redis.call('HGET', P .. 'outs', r[4]) == ARGV[2] then redis.call('HDEL', P .. 'outs', r[4]) end
return 'ok'
