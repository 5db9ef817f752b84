-- Reserves one impression of an order: out of what is released, and of how often its viewer is shown it.
-- What is kept of a shard's reservations lasts a day: from the first of them, and from each look for expired ones. A
-- viewer's window begins with the first of the shard's orders that they are shown.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry {s}:caps:viewer
-- ARGV generation order until_s token price_micros id most window_s   (order is its id in hex, id its bytes)
-- -> 1 reserved; 0 more than is released; -2 shown as often as allowed; -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local has = redis.call('HMGET', KEYS[2], 'free', 'reserved')
local free, price = tonumber(has[1] or '0'), tonumber(ARGV[5])
if price > free then return 0 end
local times = redis.call('HINCRBY', KEYS[5], ARGV[6], 1)
if times > tonumber(ARGV[7]) then
  redis.call('HINCRBY', KEYS[5], ARGV[6], -1)
  return -2
end
if times == 1 and redis.call('TTL', KEYS[5]) < 0 then redis.call('EXPIRE', KEYS[5], ARGV[8]) end
local reserved = tonumber(has[2] or '0') + price
redis.call('HSET', KEYS[2], 'free', string.format('%.0f', free - price), 'reserved', string.format('%.0f', reserved))
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5] .. ':' .. ARGV[2])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[4])
if redis.call('ZCARD', KEYS[4]) == 1 then
  redis.call('EXPIRE', KEYS[3], 86400)
  redis.call('EXPIRE', KEYS[4], 86400)
end
return 1
