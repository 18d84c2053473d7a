-- node, field, value, … → drain when the node was asked to end, else ok
local name = P .. 'node:' .. ARGV[2]
redis.call('ZADD', P .. 'nodes', whole(now), ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HSET', name, ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', name, 86400)
-- Nodes that have been silent for a day are history.
redis.call('ZREMRANGEBYSCORE', P .. 'nodes', '-inf', whole(now - 86400 * 1000000))
return redis.call('HGET', name, 'drain') == '1' and 'drain' or 'ok'
