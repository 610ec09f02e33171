--[[
  Ends the record of a part whose job has ended, and takes it out of the backlog: its message, should there be one after
  all, finds it ended.

  KEYS[1]  the part's record
  KEYS[2]  its job's record
  KEYS[3]  the tenant's backlog counter, or the part's record again when it is not counted
  ARGV[1]  last change of the part's record as it was found, milliseconds
  ARGV[2]  state of the job as it was found, '' for no record

  Returns 1 ended, 0 something has happened since
]]
local record, now = KEYS[1], now_ms()
local held = redis.call('HMGET', record, 'state', 'updated', 'waiting')
if held[1] ~= 'waiting' or (held[2] or '0') ~= ARGV[1] then return 0 end
if (redis.call('HGET', KEYS[2], 'state') or '') ~= ARGV[2] then return 0 end
if held[3] == '1' then leave_backlog(record, KEYS[3], now) end
redis.call('HSET', record, 'state', 'cancelled', 'waiting', 0, 'updated', now)
return 1
