-- pool, run, slide, id, epoch → ok | stale. The message is delivered once more, behind those that wait.
local pool, run, slide, id = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not own(pool, run, slide, id, ARGV[6]) then return 'stale' end
local m = redis.call('HMGET', key('mail', pool, run, slide), 'a:' .. id, 'd:' .. id, 'serial', 'l:' .. id)
local entry = redis.call('XRANGE', key('lane', pool, run, slide), id, id)[1]
drop(pool, run, slide, id)
post(pool, run, slide, m[3], entry[2][2], entry[2][4], num(m[1]) + 1, num(m[2]), num(m[4]))
return 'ok'
