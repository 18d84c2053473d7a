-- pool, run, slide, serial, body, trace, limit (0: none), guard ×5 → ok | stale | full
if not guarded(9) then return 'stale' end
local limit = num(ARGV[8])
if limit > 0 and redis.call('LLEN', P .. 'backlog:' .. ARGV[2]) >= limit then return 'full' end
post(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 0, 0)
return 'ok'
