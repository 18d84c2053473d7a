-- node, field, value, … → drain when the node was asked to end, else ok
local name = P .. 'node:' .. ARGV[2]
redis.call('ZADD', P .. 'nodes', whole(now), ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HSET', name, ARGV[i], ARGV[i + 1]) end
redis.call('HDEL', name, 'crashed')
redis.call('EXPIRE', name, 86400)
-- Nodes that have been silent for a day are history.
for _, kept in ipairs({ 'nodes', 'lives', 'crashed' }) do redis.call('ZREMRANGEBYSCORE', P .. kept, '-inf', whole(now - 86400 * 1000000)) end
return redis.call('HGET', name, 'drain') == '1' and 'drain' or 'ok'
