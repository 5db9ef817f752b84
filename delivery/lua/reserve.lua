-- Reserves for tokens of one order out of what is released. Stops at the first that does not fit.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry   ARGV generation order until_s (token price_micros)+
-- -> how many were reserved; -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local free = tonumber(redis.call('HGET', KEYS[2], 'free') or '0')
local taken, done = 0, 0
for i = 4, #ARGV, 2 do
  local price = tonumber(ARGV[i + 1])
  if taken + price > free then break end
  taken, done = taken + price, done + 1
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1] .. ':' .. ARGV[2])
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[i])
end
if done > 0 then
  redis.call('HINCRBY', KEYS[2], 'free', string.format('%.0f', -taken))
  redis.call('HINCRBY', KEYS[2], 'reserved', string.format('%.0f', taken))
  redis.call('EXPIRE', KEYS[3], 86400)
  redis.call('EXPIRE', KEYS[4], 86400)
end
return done
