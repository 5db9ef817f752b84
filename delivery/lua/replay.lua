-- Puts an entry that was set aside back into the stream, behind everything else, as it was. Its price was counted as
-- drained when it went aside, and will be again: it is under way once more, so that it is not spent twice.
-- KEYS {s}:gen {s}:g:events {s}:g:o:order   ARGV generation price_micros (field value)+
-- -> 1 appended, -1 another generation, or none
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local fields = {}
for i = 3, #ARGV do fields[i - 2] = ARGV[i] end
if ARGV[2] ~= '0' and redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('HINCRBY', KEYS[3], 'charged', ARGV[2])
  redis.call('HINCRBY', KEYS[3], 'charges', 1)
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
return 1
