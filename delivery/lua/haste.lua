-- How often somebody was met in a minute, these times among them.
-- KEYS {haste}:minute   ARGV kept_for_s (who times)+
-- -> of each how often so far
local answers = {}
for i = 2, #ARGV, 2 do
  answers[#answers + 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return answers
