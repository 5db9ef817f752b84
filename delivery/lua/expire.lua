-- Reservations whose time has passed. Their money is left again; it is for the pacer to release it. The others are
-- kept for another day.
-- KEYS {s}:gen {s}:g:reserved {s}:g:expiry   ARGV generation now_s most order_prefix
-- -> how many expired; -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local tokens = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, token in ipairs(tokens) do
  local what = redis.call('HGET', KEYS[2], token)
  if what then
    local price, order = string.match(what, '^(%d+):(.*)$')
    redis.call('HINCRBY', ARGV[4] .. order, 'reserved', '-' .. price)
    redis.call('HDEL', KEYS[2], token)
  end
  redis.call('ZREM', KEYS[3], token)
end
redis.call('EXPIRE', KEYS[2], 86400)
redis.call('EXPIRE', KEYS[3], 86400)
return #tokens
