-- How often somebody was met in a minute: counts, or only looks where this was counted before.
-- KEYS {haste}:minute   ARGV kept_for_s adds (who times)+
-- -> of each how often so far
local answers = {}
for i = 3, #ARGV, 2 do
  if ARGV[2] == '1' then
    answers[#answers + 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
  else
    answers[#answers + 1] = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return answers
