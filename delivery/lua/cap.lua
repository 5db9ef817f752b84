-- How often this viewer was shown an order lately. One place for all caps of a viewer, under the viewer's own tag.
-- KEYS {v:viewer}:caps   ARGV most window_s order+
-- -> a list: 1 taken, 0 already as often as allowed; for each order
local answers, is_new = {}, false
for i = 3, #ARGV do
  local times = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0')
  if times >= tonumber(ARGV[1]) then
    answers[i - 2] = 0
  else
    redis.call('HINCRBY', KEYS[1], ARGV[i], 1)
    answers[i - 2] = 1
    is_new = is_new or times < 1
  end
end
if is_new and redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return answers
