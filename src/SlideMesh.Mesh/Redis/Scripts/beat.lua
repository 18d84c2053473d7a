-- node, then per claim: pool, run, slide, id, epoch → positions (from 1) of claims that are not the node's any more
local node = ARGV[2]
redis.call('ZADD', P .. 'nodes', whole(now), node)
local lost = {}
for i = 3, #ARGV, 5 do
  if own(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]) then
    redis.call('XCLAIM', key('lane', ARGV[i], ARGV[i + 1], ARGV[i + 2]), GROUP, node, 0, ARGV[i + 3], 'JUSTID')
  else
    lost[#lost + 1] = (i - 3) / 5 + 1
  end
end
return lost
