-- run, slide, phase → ok. For watchers only.
local was = redis.call('HGET', P .. 'slides:' .. ARGV[2], ARGV[3])
if was and not ENDED[was] then redis.call('HSET', P .. 'slides:' .. ARGV[2], ARGV[3], ARGV[4]) end
return 'ok'
