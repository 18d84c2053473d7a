-- run, slide, shard → ok
settle(ARGV[2], ARGV[3], ARGV[4])
return 'ok'
