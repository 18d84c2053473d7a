-- pool, run, slide, id, epoch, shard ("" or "stream:index"), times … → ok | stale
local pool, run, slide, id, shard = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7]
if not own(pool, run, slide, id, ARGV[6]) then return 'stale' end
if shard ~= '' then
  local took = now - num(redis.call('HGET', key('mail', pool, run, slide), 's:' .. id))
  local mean = num(redis.call('HGET', P .. 'pool:' .. pool, 'mean'))
  redis.call('HSET', P .. 'pool:' .. pool, 'mean', whole(mean + (took - mean) / 16))
  if settle(run, slide, shard) then book(run, slide, 8) end
else
  book(run, slide, 8)
end
drop(pool, run, slide, id)
return 'ok'
