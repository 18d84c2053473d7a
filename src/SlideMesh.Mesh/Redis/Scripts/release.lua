-- pool, run, slide, id, epoch → ok | stale. Handed back undone; nobody died.
local pool, run, slide, id = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not own(pool, run, slide, id, ARGV[6]) then return 'stale' end
local mail = key('mail', pool, run, slide)
local e = redis.call('HMGET', mail, 'e:' .. id, 'f:' .. id)
if e[1] and e[2] then
  -- The other one of two runs goes on.
  if e[1] == ARGV[6] then redis.call('HSET', mail, 'e:' .. id, e[2]) end
  redis.call('HDEL', mail, 'f:' .. id)
else
  give_back(pool, run, slide, id)
end
return 'ok'
