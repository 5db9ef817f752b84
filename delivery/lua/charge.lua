-- An impression: its reservation becomes a charge under way, and the event stands in the stream. Once a token.
-- A token of an earlier generation has no reservation here: what is held back covers it.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry {s}:seen:day {s}:g:events
-- ARGV generation token_generation token price_micros order seen_for_s event
-- -> 1 taken, 0 seen before, -1 another generation, or none, -2 no reservation (expired, or freed)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local seen = tonumber(redis.call('HGET', KEYS[5], ARGV[3]) or '0')
if seen % 2 == 1 then return 0 end
if ARGV[2] == ARGV[1] then
  if redis.call('HDEL', KEYS[3], ARGV[3]) == 0 then return -2 end
  redis.call('ZREM', KEYS[4], ARGV[3])
  redis.call('HINCRBY', KEYS[2], 'reserved', '-' .. ARGV[4])
else
  local held = tonumber(redis.call('HGET', KEYS[2], 'held') or '0')
  redis.call('HSET', KEYS[2], 'held', string.format('%.0f', math.max(0, held - tonumber(ARGV[4]))))
  redis.call('EXPIRE', KEYS[2], 86400)
end
redis.call('HINCRBY', KEYS[2], 'charged', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'charges', 1)
redis.call('HSET', KEYS[5], ARGV[3], seen + 1)
if seen == 0 then redis.call('EXPIRE', KEYS[5], ARGV[6]) end
redis.call('XADD', KEYS[6], '*', 'o', ARGV[5], 'p', ARGV[4], 'e', ARGV[7])
return 1
