# Ready: it answers. Loading its AOF is not ready, but alive.
export REDISCLI_AUTH="$(cat /run/secrets/slidemesh/redis/password)"
answer="$(redis-cli ping 2>&1)"
case "$1:$answer" in
  ready:PONG|live:PONG|live:LOADING*) exit 0 ;;
esac
echo "$answer"
exit 1
