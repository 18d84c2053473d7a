-- node, holder, then per claim: pool, run, slide, id, epoch → positions (from 1) of claims that are not the holder's any more
local holder = ARGV[3]
redis.call('ZADD', P .. 'nodes', whole(now), ARGV[2])
redis.call('ZADD', P .. 'lives', whole(now), holder)
local lost = {}
for i = 4, #ARGV, 5 do
  if own(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]) then
    redis.call('XCLAIM', key('lane', ARGV[i], ARGV[i + 1], ARGV[i + 2]), GROUP, holder, 0, ARGV[i + 3], 'JUSTID')
  else
    lost[#lost + 1] = (i - 4) / 5 + 1
  end
end
return lost
