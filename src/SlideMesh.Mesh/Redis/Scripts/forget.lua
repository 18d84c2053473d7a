-- run, slide, guard ×5 → ok | stale
if not guarded(4) then return 'stale' end
forget(ARGV[2], ARGV[3], false)
return 'ok'
