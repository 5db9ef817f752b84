-- Actions that come when their tokens are known no more (seen.py): they stand in the stream, and the rows know the rest.
-- KEYS {s}:gen {s}:g:events   ARGV generation (order event)+
-- -> of each: 1 appended; -1 for all of them: another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local answers = {}
for i = 2, #ARGV, 2 do
  redis.call('XADD', KEYS[2], '*', 'o', ARGV[i], 'p', '0', 'e', ARGV[i + 1])
  answers[#answers + 1] = 1
end
return answers
