-- pool, run, slide, id, epoch → ok | stale. The message waits for its next delivery in its holder's hands; its lane goes on without it.
local pool, run, slide, id = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not own(pool, run, slide, id, ARGV[6]) then return 'stale' end
local mail = key('mail', pool, run, slide)
redis.call('HSET', mail, 'x:' .. id, '1')
redis.call('HDEL', mail, 'busy')
ready(pool, run, slide)
return 'ok'
