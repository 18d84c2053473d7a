-- node, holder, how it ended → ok. Told by the process that watched over it: what this holder had in hand may have killed it.
redis.call('ZADD', P .. 'crashed', whole(now), ARGV[3])
redis.call('ZREM', P .. 'lives', ARGV[3])
redis.call('HSET', P .. 'node:' .. ARGV[2], 'crashed', ARGV[4])
redis.call('EXPIRE', P .. 'node:' .. ARGV[2], 86400)
return 'ok'
