-- Reserves for tokens of one order out of what is released. Stops at the first that does not fit.
-- What is kept of a shard's reservations lasts a day: from the first of them, and from each look for expired ones.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry   ARGV generation order until_s (token price_micros)+
-- -> how many were reserved; -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local has = redis.call('HMGET', KEYS[2], 'free', 'reserved')
local free = tonumber(has[1] or '0')
local taken, done, is_first = 0, 0, false
for i = 4, #ARGV, 2 do
  local price = tonumber(ARGV[i + 1])
  if taken + price > free then break end
  taken, done = taken + price, done + 1
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1] .. ':' .. ARGV[2])
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[i])
end
if done > 0 then
  local reserved = tonumber(has[2] or '0') + taken
  redis.call('HSET', KEYS[2], 'free', string.format('%.0f', free - taken), 'reserved', string.format('%.0f', reserved))
  if redis.call('ZCARD', KEYS[4]) == done then
    redis.call('EXPIRE', KEYS[3], 86400)
    redis.call('EXPIRE', KEYS[4], 86400)
  end
end
return done
