-- Gives reservations back that were never handed out. They return to what is released.
-- KEYS {s}:gen {s}:g:o:order {s}:g:reserved {s}:g:expiry   ARGV generation (token price_micros)+
-- -> how many were freed; -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local back, done = 0, 0
for i = 2, #ARGV, 2 do
  if redis.call('HDEL', KEYS[3], ARGV[i]) == 1 then
    redis.call('ZREM', KEYS[4], ARGV[i])
    back, done = back + tonumber(ARGV[i + 1]), done + 1
  end
end
if done > 0 then
  redis.call('HINCRBY', KEYS[2], 'free', string.format('%.0f', back))
  redis.call('HINCRBY', KEYS[2], 'reserved', string.format('%.0f', -back))
end
return done
