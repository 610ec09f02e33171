--[[
  Takes back a start-over whose message could not be sent, if nobody has claimed the job since.

  KEYS[1]  the job's record
  KEYS[2]  the tenant's backlog counter, or the record again when the job is not counted
  ARGV[1]  state to go back to, '' for no record at all

  Returns 1 taken back, 0 not waiting any more
]]
local record, counter = KEYS[1], KEYS[2]
local held = redis.call('HMGET', record, 'state', 'waiting')
if held[1] ~= 'waiting' or held[2] ~= '1' then return 0 end
if counter ~= record and tonumber(redis.call('GET', counter) or '0') > 0 then redis.call('DECR', counter) end
if ARGV[1] == '' then
  redis.call('DEL', record)
else
  redis.call('HSET', record, 'state', ARGV[1], 'waiting', 0, 'updated', now_ms())
end
return 1
